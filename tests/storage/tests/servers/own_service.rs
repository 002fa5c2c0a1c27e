//! An HDFS of a test's own with two name nodes behind one name, of which either can be active: they share their journal in a
//! folder, and are switched by hand with Hadoop's own `haadmin`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::own_hdfs::{free_port, java};

const NAME_NODE: &str = "org.apache.hadoop.hdfs.server.namenode.NameNode";
const DATA_NODE: &str = "org.apache.hadoop.hdfs.server.datanode.DataNode";
const NAME_NODES: [&str; 2] = ["nn1", "nn2"];
const DATA_NODES: [&str; 2] = ["dn0", "dn1"];

pub(crate) struct OwnService {
    folder: TempDir,
    rpc: [u16; 2],
    http: [u16; 2],
    processes: BTreeMap<&'static str, Child>,
}

fn properties(settings: &[(&str, String)]) -> String {
    let properties = settings
        .iter()
        .map(|(name, value)| format!("<property><name>{name}</name><value>{value}</value></property>\n"));
    format!("<configuration>\n{}</configuration>\n", properties.collect::<String>())
}

impl OwnService {
    /// One that runs, with `nn1` active.
    pub(crate) fn started() -> Self {
        let held: Vec<_> = (0..10).map(|_| free_port()).collect();
        let ports: Vec<u16> = held.iter().map(|port| port.local_addr().unwrap().port()).collect();
        let (rpc, http) = ([ports[0], ports[1]], [ports[2], ports[3]]);
        let mut own = Self { folder: tempfile::tempdir().unwrap(), rpc, http, processes: BTreeMap::new() };
        for node in NAME_NODES {
            own.configure(node, &[("dfs.ha.namenode.id", node.to_owned())]);
        }
        let names = ["dfs.datanode.address", "dfs.datanode.http.address", "dfs.datanode.ipc.address"];
        for (node, ports) in DATA_NODES.into_iter().zip(ports[4..].chunks(3)) {
            let on = names.into_iter().zip(ports).map(|(name, port)| (name, format!("127.0.0.1:{port}")));
            own.configure(node, &on.collect::<Vec<_>>());
        }
        drop(held);
        let mut format = java(&own.conf("nn1"), NAME_NODE);
        assert!(format.args(["-format", "-nonInteractive"]).status().unwrap().success());
        // The second one begins with what the first one has.
        let mut copy = Command::new("cp");
        copy.arg("-r").args(["nn1", "nn2"]).current_dir(own.folder.path().join("data"));
        assert!(copy.status().unwrap().success());
        NAME_NODES.into_iter().chain(DATA_NODES).for_each(|node| own.start(node));
        own.activate("nn1");
        own
    }

    fn configure(&self, node: &'static str, more: &[(&'static str, String)]) {
        let conf = self.folder.path().join("conf").join(node);
        fs::create_dir_all(&conf).unwrap();
        let core =
            [("fs.defaultFS", "hdfs://flights".to_owned()), ("ipc.client.connect.max.retries", "1".into())];
        fs::write(conf.join("core-site.xml"), properties(&core)).unwrap();
        let data = |name: &str| format!("file://{}", self.folder.path().join("data").join(name).display());
        let on = |port: u16| format!("127.0.0.1:{port}");
        let text = |text: &str| text.to_owned();
        let mut settings = vec![
            ("dfs.nameservices", text("flights")),
            ("dfs.ha.namenodes.flights", NAME_NODES.join(",")),
            ("dfs.namenode.rpc-address.flights.nn1", on(self.rpc[0])),
            ("dfs.namenode.rpc-address.flights.nn2", on(self.rpc[1])),
            ("dfs.namenode.http-address.flights.nn1", on(self.http[0])),
            ("dfs.namenode.http-address.flights.nn2", on(self.http[1])),
            (
                "dfs.client.failover.proxy.provider.flights",
                text("org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"),
            ),
            ("dfs.namenode.shared.edits.dir", data("shared")),
            ("dfs.ha.fencing.methods", text("shell(/bin/true)")),
            ("dfs.ha.tail-edits.period", text("1")),
            ("dfs.namenode.name.dir", data(node)),
            ("dfs.datanode.data.dir", data(node)),
            ("dfs.replication", text("2")),
            ("dfs.datanode.hostname", text("127.0.0.1")),
            ("dfs.namenode.datanode.registration.ip-hostname-check", text("false")),
            ("dfs.namenode.safemode.extension", text("0")),
            ("dfs.namenode.file.close.num-committed-allowed", text("1")),
            ("dfs.heartbeat.interval", text("1")),
            ("dfs.namenode.handler.count", text("4")),
            ("dfs.datanode.handler.count", text("4")),
        ];
        settings.extend(more.iter().cloned());
        fs::write(conf.join("hdfs-site.xml"), properties(&settings)).unwrap();
        let log = "log4j.rootLogger=INFO,A\nlog4j.appender.A=org.apache.log4j.ConsoleAppender\n\
                   log4j.appender.A.target=System.err\nlog4j.appender.A.layout=org.apache.log4j.SimpleLayout\n";
        fs::write(conf.join("log4j.properties"), log).unwrap();
    }

    /// What `hdfs.name-services` is to be.
    pub(crate) fn name_services(&self) -> String {
        format!("flights=127.0.0.1:{},127.0.0.1:{}", self.rpc[0], self.rpc[1])
    }

    /// A folder with Hadoop's settings, as a client has it.
    pub(crate) fn conf(&self, node: &str) -> PathBuf {
        self.folder.path().join("conf").join(node)
    }

    fn log(&self, node: &str) -> PathBuf {
        self.folder.path().join(format!("{node}.log"))
    }

    /// Starts a node, with the data that it had. A name node stands by.
    pub(crate) fn start(&mut self, node: &'static str) {
        let class = if NAME_NODES.contains(&node) { NAME_NODE } else { DATA_NODE };
        let mut java = java(&self.conf(node), class);
        java.current_dir(self.folder.path()).stderr(File::create(self.log(node)).unwrap());
        self.processes.insert(node, java.spawn().unwrap());
    }

    pub(crate) fn kill(&mut self, node: &str) {
        if let Some(mut process) = self.processes.remove(node) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Makes a name node the active one, and waits until it takes writes.
    pub(crate) fn activate(&self, node: &str) {
        let begun = Instant::now();
        loop {
            // Forced, since nobody answers for the other one that it is not active any more.
            let mut admin = java(&self.conf(node), "org.apache.hadoop.hdfs.tools.DFSHAAdmin");
            admin.args(["-transitionToActive", "--forceactive", node]).stderr(Stdio::piped());
            let done = admin.output().unwrap();
            if done.status.success() {
                break;
            }
            let why = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(begun.elapsed() < Duration::from_secs(60), "{why}");
        }
        let http = self.http[NAME_NODES.iter().position(|name| *name == node).unwrap()];
        let url = format!("http://127.0.0.1:{http}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState");
        loop {
            let answer = Command::new("curl").args(["-sS", "--max-time", "5", &url]).output().unwrap().stdout;
            let answer = String::from_utf8_lossy(&answer).replace([' ', '\n'], "");
            if answer.contains("\"FSState\":\"Operational\"") && answer.contains("\"NumLiveDataNodes\":2,") {
                return;
            }
            let log = || fs::read_to_string(self.log(node)).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(180), "{}", log());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl Drop for OwnService {
    fn drop(&mut self) {
        NAME_NODES.into_iter().chain(DATA_NODES).for_each(|node| self.kill(node));
    }
}
