//! HDFS: a name node and two data nodes, from the jars of Maven Central, on loopback.
//!
//! Two data nodes, since with one each closed file costs half a second: its name node answers "not yet" to the first
//! question, and the client asks again after a fixed pause.
//!
//! Facts: `MILLSTREAM_HDFS` (`hdfs://HOST:PORT`), `MILLSTREAM_HDFS_JARS` (the class path) and `MILLSTREAM_HDFS_CONF` (the
//! settings of a client; `{PORT}`.. of the name node's in `nn`, of the data nodes' in `dn0` and `dn1`): with these a
//! test that must stop or kill a node starts its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::services::processes::Running;
use crate::services::{Service, loopback};

const VERSION: &str = "3.4.2";
/// Without it the nodes log nothing.
const LOGGING: &str = "1.7.36";
const JARS: &str = "jars";
const DATA_NODES: usize = 2;

/// See the module.
pub(crate) struct Hdfs;

impl Service for Hdfs {
    fn name(&self) -> &'static str {
        "hdfs"
    }

    fn version(&self) -> Result<String> {
        Ok(VERSION.to_owned())
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        let (project, downloads) = (into.join("pom.xml"), into.join("downloads"));
        fs::write(&project, wanted()).with_context(|| format!("cannot write {}", project.display()))?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-f"]).arg(&project);
        maven.arg(format!("-Dmaven.repo.local={}", downloads.display()));
        maven.arg("dependency:copy-dependencies").arg("-DincludeScope=runtime");
        maven.arg(format!("-DoutputDirectory={}", into.join(JARS).display()));
        run(&mut maven)?;
        fs::remove_dir_all(&downloads).with_context(|| format!("cannot remove {}", downloads.display()))
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let folder = running.folder.clone();
        let ports: [u16; 2 + 3 * DATA_NODES] = loopback::free_ports()?;
        let (rpc, http) = (ports[0], ports[1]);
        let nodes = ["nn".to_owned()].into_iter().chain((0..DATA_NODES).map(|node| format!("dn{node}")));
        let nodes: Vec<String> = nodes.collect();
        for (index, node) in nodes.iter().enumerate() {
            let conf = folder.join("conf").join(node);
            fs::create_dir_all(&conf).with_context(|| format!("cannot make {}", conf.display()))?;
            // The name node listens on none of the last three.
            let own = &ports[2 + 3 * index.saturating_sub(1)..][..3];
            fs::write(
                conf.join("core-site.xml"),
                properties(&[("fs.defaultFS", format!("hdfs://127.0.0.1:{rpc}"))]),
            )?;
            fs::write(conf.join("hdfs-site.xml"), properties(&settings(&folder, node, rpc, http, own)))?;
            fs::write(conf.join("log4j.properties"), LOG_SETTINGS)?;
        }
        fs::create_dir_all(folder.join("tmp")).context("cannot make a folder")?;
        let java = |node: &str, class: &str| {
            let mut java = Command::new("java");
            java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
            java.arg("-Djava.net.preferIPv4Stack=true");
            java.arg(format!("-Djava.io.tmpdir={}", folder.join("tmp").display()));
            let (conf, jars) = (folder.join("conf").join(node), fetched.join(JARS).join("*"));
            java.arg("-cp").arg(format!("{}:{}", conf.display(), jars.display())).arg(class);
            java
        };
        let name_node = "org.apache.hadoop.hdfs.server.namenode.NameNode";
        let mut format = java("nn", name_node);
        run(format.args(["-format", "-nonInteractive"]).stdout(Stdio::null()).stderr(Stdio::null()))?;
        for node in &nodes {
            let is_name_node = node == "nn";
            let class =
                if is_name_node { name_node } else { "org.apache.hadoop.hdfs.server.datanode.DataNode" };
            running.spawn(node, &java(node, class))?;
        }
        // An open port comes earlier than the first write that succeeds.
        let is_ready = || {
            let state = loopback::get(http, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState");
            state.is_some_and(|state| {
                state.contains("\"FSState\":\"Operational\"")
                    && state.contains(&format!("\"NumLiveDataNodes\":{DATA_NODES},"))
            })
        };
        running.wait_for("HDFS", is_ready)?;
        for (fact, value) in [
            ("", format!("hdfs://127.0.0.1:{rpc}")),
            ("_HTTP", http.to_string()),
            ("_JARS", fetched.join(JARS).join("*").display().to_string()),
            ("_CONF", folder.join("conf").display().to_string()),
        ] {
            running.facts.insert(format!("MILLSTREAM_HDFS{fact}"), value);
        }
        Ok(())
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}, see above");
    Ok(())
}

/// What Maven is to fetch, as it reads it.
fn wanted() -> String {
    // Not missed by what runs here.
    let without =
        [("junit", "junit"), ("org.xerial.snappy", "snappy-java"), ("com.google.code.findbugs", "jsr305")];
    let without: String = without
        .map(|(group, name)| {
            format!("<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>")
        })
        .concat();
    let dependency = |group: &str, name: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>\
             <exclusions>{without}</exclusions></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>millstream</groupId><artifactId>hdfs</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{}{}{}</dependencies></project>\n",
        dependency("org.apache.hadoop", "hadoop-client-runtime", VERSION),
        dependency("org.apache.hadoop", "hadoop-client-minicluster", VERSION),
        dependency("org.slf4j", "slf4j-reload4j", LOGGING)
    )
}

/// All on loopback; a name node that comes back takes writes at once; a data node that is gone is noticed in seconds; a
/// file is closed without waiting for both data nodes.
fn settings(folder: &Path, node: &str, rpc: u16, http: u16, own: &[u16]) -> Vec<(&'static str, String)> {
    let on = |port: u16| format!("127.0.0.1:{port}");
    let data = |name: &str| format!("file://{}", folder.join("data").join(name).display());
    let mut settings = vec![
        ("dfs.replication", DATA_NODES.to_string()),
        ("dfs.namenode.name.dir", data("nn")),
        ("dfs.datanode.data.dir", data(node)),
        ("dfs.namenode.rpc-address", on(rpc)),
        ("dfs.namenode.http-address", on(http)),
        ("dfs.datanode.hostname", "127.0.0.1".to_owned()),
        ("dfs.namenode.datanode.registration.ip-hostname-check", "false".to_owned()),
        ("dfs.permissions.enabled", "true".to_owned()),
        ("dfs.namenode.safemode.extension", "0".to_owned()),
        ("dfs.namenode.file.close.num-committed-allowed", "1".to_owned()),
        ("dfs.heartbeat.interval", "1".to_owned()),
        ("dfs.namenode.heartbeat.recheck-interval", "2000".to_owned()),
        ("dfs.namenode.handler.count", "4".to_owned()),
        ("dfs.datanode.handler.count", "4".to_owned()),
        ("dfs.datanode.du.reserved", "0".to_owned()),
    ];
    let names = ["dfs.datanode.address", "dfs.datanode.http.address", "dfs.datanode.ipc.address"];
    settings.extend(names.into_iter().zip(own).map(|(name, port)| (name, on(*port))));
    settings
}

fn properties(settings: &[(&str, String)]) -> String {
    let properties: String = settings
        .iter()
        .map(|(name, value)| format!("<property><name>{name}</name><value>{value}</value></property>\n"))
        .collect();
    format!("<configuration>\n{properties}</configuration>\n")
}

const LOG_SETTINGS: &str = "log4j.rootLogger=INFO,A
log4j.logger.BlockStateChange=WARN
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.target=System.err
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
";

#[cfg(test)]
mod tests {
    use super::{LOGGING, VERSION, settings, wanted};

    #[test]
    fn maven_is_asked_for_the_pinned_versions() {
        let wanted = wanted();
        for version in [VERSION, LOGGING] {
            assert!(wanted.contains(&format!("<version>{version}</version>")), "{wanted}");
        }
    }

    #[test]
    fn nothing_listens_beyond_loopback() {
        for (name, value) in settings("/run".as_ref(), "dn0", 1, 2, &[3, 4, 5]) {
            assert!(!name.ends_with("address") || value.starts_with("127.0.0.1:"), "{name} is {value}");
        }
    }
}
