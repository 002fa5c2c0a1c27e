//! Apache Flume: one agent with a way in and a way out of each kind, on loopback.
//!
//! Facts: `MILLSTREAM_FLUME_CLASSES` (what Java is told as its class path) and `MILLSTREAM_FLUME_LOGGING` (the settings of the
//! log): with these a test starts agents of its own. Of the agent that is started: `_AVRO`, `_AVRO_DEFLATE`, `_THRIFT`,
//! `_THRIFT_BINARY` (addresses of its sources, whose events' bodies land in the files of `_FILES`); `_PULL` (the address out
//! of which can be pulled what lines are written to `_PULL_LINES`); `_PUSH_LINES` (lines that it pushes to `_PUSH_TO`).
//!
//! The sink that is pulled from is `PullSink.java`: Spark's own does not run within this version of Flume.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::services::processes::Running;
use crate::services::{Service, loopback};

const VERSION: &str = "1.11.0";
/// Without it an agent logs nothing, and nobody knows what it did with its settings.
const LOGGING: &str = "2.18.0";
const JARS: &str = "jars";
const PLUGIN: &str = "plugin";
const PLUGIN_SOURCE: &str = include_str!("flume/PullSink.java");
/// What Flume brings and no test needs: half of its size.
const UNUSED: [&str; 8] = [
    "org.apache.flume.flume-ng-sinks:flume-hdfs-sink",
    "org.apache.flume.flume-ng-sinks:flume-irc-sink",
    "org.apache.flume.flume-ng-channels:flume-jdbc-channel",
    "org.apache.tomcat.embed:tomcat-embed-core",
    "com.github.luben:zstd-jni",
    "joda-time:joda-time",
    "org.apache.velocity:velocity-engine-core",
    "io.netty:netty-codec-http2",
];

/// See the module.
pub(crate) struct Flume;

impl Service for Flume {
    fn name(&self) -> &'static str {
        "flume"
    }

    fn version(&self) -> Result<String> {
        // With what the plug-in is, so that one that was changed is compiled.
        Ok(format!("{VERSION}-{:08x}", fingerprint(PLUGIN_SOURCE)))
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        let (project, downloads, jars) = (into.join("pom.xml"), into.join("downloads"), into.join(JARS));
        fs::write(&project, wanted()).with_context(|| format!("cannot write {}", project.display()))?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-f"]).arg(&project);
        maven.arg(format!("-Dmaven.repo.local={}", downloads.display()));
        maven.arg("dependency:copy-dependencies").arg("-DincludeScope=runtime");
        maven.arg(format!("-DoutputDirectory={}", jars.display()));
        run(&mut maven)?;
        fs::remove_dir_all(&downloads).with_context(|| format!("cannot remove {}", downloads.display()))?;
        let (plugin, source) = (into.join(PLUGIN), into.join("PullSink.java"));
        fs::write(&source, PLUGIN_SOURCE).with_context(|| format!("cannot write {}", source.display()))?;
        let mut javac = Command::new("javac");
        javac.args(["-proc:none", "-cp"]).arg(jars.join("*")).arg("-d").arg(&plugin).arg(&source);
        run(&mut javac)
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let folder = &running.folder.clone();
        let ports = loopback::free_ports()?;
        let (conf, logging) = (folder.join("flume.properties"), folder.join("log4j2.xml"));
        fs::create_dir_all(folder.join("files")).context("cannot make the folder of files")?;
        fs::write(&conf, settings(folder, ports)).context("cannot write the settings")?;
        fs::write(&logging, LOG_SETTINGS).context("cannot write the settings of the log")?;
        let classes =
            format!("{}:{}", fetched.join(PLUGIN).display(), fetched.join(JARS).join("*").display());
        let mut java = Command::new("java");
        java.args([
            "-Xmx192m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
        ]);
        java.arg(format!("-Djava.io.tmpdir={}", folder.display()));
        java.arg(format!("-Dlog4j.configurationFile={}", logging.display()));
        java.args(["-cp", &classes, "org.apache.flume.node.Application", "--name", "a", "--conf-file"])
            .arg(&conf);
        java.arg("--no-reload-conf");
        running.spawn("flume", &java)?;
        let log = folder.join("flume.log");
        // A part with wrong settings is left out, and the agent runs on without it.
        let text = || fs::read_to_string(&log).unwrap_or_default();
        let listens = |port: &u16| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok();
        let is_ready = || ports[..7].iter().all(listens) || text().contains("has been removed due to");
        running.wait_for("Flume", is_ready)?;
        ensure!(
            !text().contains("has been removed due to"),
            "a part of the agent has wrong settings:\n{}",
            text()
        );
        let address = |port: u16| format!("127.0.0.1:{port}");
        for (fact, value) in [
            ("CLASSES", classes),
            ("LOGGING", logging.display().to_string()),
            ("AVRO", address(ports[0])),
            ("AVRO_DEFLATE", address(ports[1])),
            ("THRIFT", address(ports[2])),
            ("THRIFT_BINARY", address(ports[3])),
            ("PUSH_LINES", address(ports[4])),
            ("PULL_LINES", address(ports[5])),
            ("PULL", address(ports[6])),
            ("PUSH_TO", address(ports[7])),
            ("FILES", folder.join("files").display().to_string()),
        ] {
            running.facts.insert(format!("MILLSTREAM_FLUME_{fact}"), value);
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

/// A number that changes with the text (FNV-1a).
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What Maven is to fetch, as it reads it.
fn wanted() -> String {
    let exclusions: String = UNUSED
        .iter()
        .filter_map(|unused| unused.split_once(':'))
        .map(|(group, name)| {
            format!("<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>")
        })
        .collect();
    let dependency = |group: &str, name: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>\
             <exclusions>{exclusions}</exclusions></dependency>"
        )
    };
    let mut dependencies = dependency("org.apache.flume", "flume-ng-node", VERSION);
    dependencies += &dependency("org.apache.flume.flume-ng-channels", "flume-file-channel", VERSION);
    for name in ["log4j-core", "log4j-slf4j-impl", "log4j-1.2-api"] {
        dependencies += &dependency("org.apache.logging.log4j", name, LOGGING);
    }
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>millstream</groupId><artifactId>flume</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}</dependencies></project>\n"
    )
}

/// Sources that write to files; lines that are pushed; lines that can be pulled. No channel waits for a batch to fill.
fn settings(folder: &Path, ports: [u16; 8]) -> String {
    let [avro, deflate, thrift, binary, push_lines, pull_lines, pull, push_to] = ports;
    let mut text = String::from(
        "a.sources = avro deflate thrift binary lines pullable
a.channels = files pushed pulled
a.sinks = file push pull
",
    );
    for channel in ["files", "pushed", "pulled"] {
        text += &format!(
            "a.channels.{channel}.type = memory
a.channels.{channel}.capacity = 100000
a.channels.{channel}.transactionCapacity = 10000
a.channels.{channel}.keep-alive = 0
"
        );
    }
    for (source, kind, port, channel, more) in [
        ("avro", "avro", avro, "files", ""),
        ("deflate", "avro", deflate, "files", "compression-type = deflate"),
        ("thrift", "thrift", thrift, "files", ""),
        ("binary", "thrift", binary, "files", "protocol = binary"),
        ("lines", "netcat", push_lines, "pushed", "max-line-length = 65536"),
        ("pullable", "netcat", pull_lines, "pulled", "max-line-length = 65536"),
    ] {
        text += &format!(
            "a.sources.{source}.type = {kind}
a.sources.{source}.bind = 127.0.0.1
a.sources.{source}.port = {port}
a.sources.{source}.channels = {channel}
"
        );
        if !more.is_empty() {
            text += &format!("a.sources.{source}.{more}\n");
        }
    }
    text += &format!(
        "a.sinks.file.type = file_roll
a.sinks.file.sink.directory = {}/files
a.sinks.file.sink.rollInterval = 0
a.sinks.file.channel = files
a.sinks.push.type = avro
a.sinks.push.hostname = 127.0.0.1
a.sinks.push.port = {push_to}
a.sinks.push.channel = pushed
a.sinks.pull.type = PullSink
a.sinks.pull.port = {pull}
a.sinks.pull.channel = pulled
",
        folder.display()
    );
    text
}

const LOG_SETTINGS: &str = "<Configuration status=\"WARN\"><Appenders><Console name=\"C\" target=\"SYSTEM_ERR\">\
    <PatternLayout pattern=\"%d %p %c{1} - %m%n%xEx{3}\"/></Console></Appenders>\
    <Loggers><Root level=\"info\"><AppenderRef ref=\"C\"/></Root></Loggers></Configuration>\n";

#[cfg(test)]
mod tests {
    use super::{LOGGING, VERSION, fingerprint, settings, wanted};

    #[test]
    fn maven_is_asked_for_the_pinned_versions() {
        let wanted = wanted();
        for version in [VERSION, LOGGING] {
            assert!(wanted.contains(&format!("<version>{version}</version>")), "{wanted}");
        }
    }

    #[test]
    fn nothing_listens_beyond_loopback() {
        let settings = settings("/run".as_ref(), [1, 2, 3, 4, 5, 6, 7, 8]);
        let binds: Vec<_> = settings.lines().filter(|line| line.contains(".bind = ")).collect();
        assert!(binds.len() == 6 && binds.iter().all(|line| line.ends_with("127.0.0.1")), "{binds:?}");
    }

    #[test]
    fn a_plug_in_that_was_changed_is_fetched_anew() {
        assert_ne!(fingerprint("a"), fingerprint("b"));
    }
}
