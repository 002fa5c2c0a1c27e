//! An HDFS of a test's own, whose nodes can be killed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_storage_tests::fact;
use tempfile::TempDir;

const NODES: [&str; 3] = ["nn", "dn0", "dn1"];

pub(crate) struct OwnHdfs {
    folder: TempDir,
    address: String,
    http: u16,
    processes: BTreeMap<&'static str, Child>,
}

pub(crate) fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A program of Hadoop's with the settings of a folder, which says nothing.
pub(crate) fn java(conf: &Path, class: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]);
    java.arg("-cp").arg(format!("{}:{}", conf.display(), fact("MILLSTREAM_HDFS_JARS"))).arg(class);
    java.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    java
}

impl OwnHdfs {
    /// One that runs: the shared one's settings, with other ports and another folder.
    pub(crate) fn started() -> Self {
        let shared = PathBuf::from(fact("MILLSTREAM_HDFS_CONF"));
        let folder = tempfile::tempdir().unwrap();
        let mut ports: BTreeMap<String, String> = BTreeMap::new();
        let mut held = Vec::new();
        for node in NODES {
            let conf = folder.path().join("conf").join(node);
            fs::create_dir_all(&conf).unwrap();
            for file in ["core-site.xml", "hdfs-site.xml", "log4j.properties"] {
                let mut text = fs::read_to_string(shared.join(node).join(file)).unwrap();
                let mut other = String::new();
                while let Some((before, rest)) = text.split_once("127.0.0.1:") {
                    let end = rest.find(|byte: char| !byte.is_ascii_digit()).unwrap();
                    let port = ports.entry(rest[..end].to_owned()).or_insert_with(|| {
                        held.push(free_port());
                        held.last().unwrap().local_addr().unwrap().port().to_string()
                    });
                    other.push_str(&format!("{before}127.0.0.1:{port}"));
                    text = rest[end..].to_owned();
                }
                other.push_str(&text);
                let own = folder.path().join("data");
                let other = other.replace(
                    &shared.parent().unwrap().join("data").display().to_string(),
                    &own.display().to_string(),
                );
                fs::write(conf.join(file), other).unwrap();
            }
        }
        drop(held);
        let port_of = |shared: &str| ports[shared.rsplit_once(':').map_or(shared, |(_, port)| port)].clone();
        let address = format!("hdfs://127.0.0.1:{}", port_of(&fact("MILLSTREAM_HDFS")));
        let http = port_of(&fact("MILLSTREAM_HDFS_HTTP")).parse().unwrap();
        let mut own = Self { folder, address, http, processes: BTreeMap::new() };
        let mut format = own.java("nn", "org.apache.hadoop.hdfs.server.namenode.NameNode");
        assert!(format.args(["-format", "-nonInteractive"]).status().unwrap().success());
        NODES.into_iter().for_each(|node| own.start(node));
        own.await_ready();
        own
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.folder.path().join("conf/nn")
    }

    fn java(&self, node: &str, class: &str) -> Command {
        let mut java = java(&self.folder.path().join("conf").join(node), class);
        java.current_dir(self.folder.path());
        java
    }

    /// Starts a node, with the data that it had.
    pub(crate) fn start(&mut self, node: &'static str) {
        let class = match node {
            "nn" => "org.apache.hadoop.hdfs.server.namenode.NameNode",
            _ => "org.apache.hadoop.hdfs.server.datanode.DataNode",
        };
        let mut java = self.java(node, class);
        java.stderr(File::create(self.folder.path().join(format!("{node}.log"))).unwrap());
        self.processes.insert(node, java.spawn().unwrap());
    }

    /// Waits until it takes writes.
    pub(crate) fn await_ready(&self) {
        let begun = Instant::now();
        let url =
            format!("http://127.0.0.1:{}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState", self.http);
        loop {
            let answer = Command::new("curl").args(["-sS", "--max-time", "5", &url]).output().unwrap().stdout;
            let answer = String::from_utf8_lossy(&answer).replace([' ', '\n'], "");
            if answer.contains("\"FSState\":\"Operational\"") && answer.contains("\"NumLiveDataNodes\":2,") {
                return;
            }
            let log = || fs::read_to_string(self.folder.path().join("nn.log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(180), "{}", log());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    pub(crate) fn kill(&mut self, node: &str) {
        if let Some(mut process) = self.processes.remove(node) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for OwnHdfs {
    fn drop(&mut self) {
        NODES.into_iter().for_each(|node| self.kill(node));
    }
}
