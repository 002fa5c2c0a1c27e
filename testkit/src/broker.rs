//! A broker of Kafka that is a test's own, to be stopped, killed and frozen.
//!
//! Answers for brokers alone and three together, as processes with folders and ports of their own. Not for fetching the server:
//! `cargo xtask test` does, and says where it is.
//! Holds: a broker does not outlive its test; started again, it has the data that it had.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is missing")]

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the suite says of the broker that it has started.
fn fact(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run these tests by `cargo xtask test`, which starts a broker")
    })
}

/// A broker.
pub struct OwnBroker {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

/// Two ports that nobody has, held until they are used.
fn free_ports() -> ([TcpListener; 2], [u16; 2]) {
    let held = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
    (held, ports)
}

impl OwnBroker {
    /// A broker with a port and a folder, that does not run yet.
    ///
    /// # Panics
    /// Where that fails.
    pub fn stopped() -> Self {
        Self::with(|_| String::new(), &[])
    }

    /// As `stopped` with more settings, for which it is told its folder, and with more to format it by.
    ///
    /// # Panics
    /// Where that fails.
    pub fn with(more: impl FnOnce(&std::path::Path) -> String, format: &[&str]) -> Self {
        let (held, [port, controller]) = free_ports();
        drop(held);
        Self::at(1, port, controller, &format!("1@127.0.0.1:{controller}"), more, format)
    }

    /// Three brokers that are one cluster and run; topics have three replicas, of which two must be there.
    ///
    /// # Panics
    /// Where that fails.
    pub fn cluster() -> [Self; 3] {
        let held = [1, 2, 3].map(|node| (node, free_ports()));
        let voters = held.each_ref().map(|(node, (_, [_, port]))| format!("{node}@127.0.0.1:{port}"));
        let places = held.map(|(node, (_, ports))| (node, ports));
        let more = "default.replication.factor=3\nmin.insync.replicas=2\noffsets.topic.replication.factor=3\n\
                    transaction.state.log.replication.factor=3\ntransaction.state.log.min.isr=2";
        let mut cluster = places.map(|(node, [port, controller])| {
            Self::at(node, port, controller, &voters.join(","), |_| more.to_owned(), &[])
        });
        cluster.iter_mut().for_each(Self::spawn);
        cluster.iter().for_each(Self::await_ready);
        cluster
    }

    fn at(
        node: u32,
        port: u16,
        controller: u16,
        voters: &str,
        more: impl FnOnce(&std::path::Path) -> String,
        format: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = fs::read_to_string(fact("MILLSTREAM_KAFKA_CONF")).unwrap();
        let shared: Vec<&str> = shared
            .lines()
            .filter(|line| {
                let own = [
                    "node.id=",
                    "listeners=",
                    "advertised.listeners=",
                    "controller.quorum.voters=",
                    "log.dirs=",
                ];
                !own.iter().any(|own| line.starts_with(own))
            })
            .collect();
        let own = format!(
            "node.id={node}\nlisteners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
             controller.quorum.voters={voters}\nlog.dirs={}/data\n",
            folder.path().display()
        );
        let mut settings = format!("{}\n{own}", shared.join("\n"));
        // A listener more is one more in each of three lists.
        for line in more(folder.path()).lines() {
            match line.split_once("+=") {
                Some((list, addition)) => {
                    let begin = format!("\n{list}=");
                    settings = settings.replacen(&begin, &format!("{begin}{addition},"), 1);
                }
                None => settings.push_str(&format!("\n{line}")),
            }
        }
        fs::write(folder.path().join("server.properties"), settings).unwrap();
        let broker = Self { folder, port, process: None };
        let mut formatting = broker.java("kafka.tools.StorageTool");
        formatting.args(["format", "-t", "bWlsbHN0cmVhbS10ZXN0cw", "-c", "server.properties"]);
        assert!(formatting.args(format).status().unwrap().success());
        broker
    }

    /// A broker that runs.
    ///
    /// # Panics
    /// Where that fails.
    pub fn started() -> Self {
        let mut broker = Self::stopped();
        broker.start();
        broker
    }

    /// Where clients find it: host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn java(&self, class: &str) -> Command {
        let conf = fact("MILLSTREAM_KAFKA_CONF");
        let logging = std::path::Path::new(&conf).with_file_name("log4j2.properties");
        let mut java = Command::new("java");
        java.args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
        ]);
        java.arg(format!("-Dlog4j2.configurationFile=file:{}", logging.display()));
        java.args(["-cp", &format!("{}/*", fact("MILLSTREAM_KAFKA_JARS")), class]);
        java.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        java
    }

    /// Starts it, with the data that it had, and waits until it is ready.
    ///
    /// # Panics
    /// Where that fails.
    pub fn start(&mut self) {
        self.spawn();
        self.await_ready();
    }

    fn spawn(&mut self) {
        let log = self.folder.path().join("log");
        let mut server = self.java("kafka.Kafka");
        server.arg("server.properties").stderr(fs::File::create(&log).unwrap());
        self.process = Some(server.spawn().unwrap());
    }

    fn await_ready(&self) {
        let log = self.folder.path().join("log");
        let begun = Instant::now();
        while !fs::read_to_string(&log).unwrap().contains("Kafka Server started") {
            assert!(begun.elapsed() < Duration::from_secs(120), "{}", fs::read_to_string(&log).unwrap());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Kills it; it can be started again.
    ///
    /// # Panics
    /// Where that fails.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops answering, as a machine does whose network is gone.
    ///
    /// # Panics
    /// Where that fails.
    pub fn freeze(&self) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.kill();
    }
}
