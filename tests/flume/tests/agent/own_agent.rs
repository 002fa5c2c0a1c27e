//! Agents of a test's own, to be stopped and killed, each with one way in and one way out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_flume_tests::fact;
use tempfile::TempDir;

pub(crate) const LONG: Duration = Duration::from_secs(120);

/// What keeps events between the two ways.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Channel {
    Memory,
    /// On the disk: what the agent has taken outlives its kill.
    File,
}

/// A part of an agent: lines of settings, without the part's name.
type Part = Vec<(&'static str, String)>;

/// Lines that are written to a port, each an event.
pub(crate) fn lines() -> Part {
    vec![("type", "netcat".into()), ("max-line-length", "65536".into())]
}

/// Events of an RPC client: `avro` or `thrift`, with more settings as `name=value`.
pub(crate) fn rpc_source(kind: &str, more: &[(&'static str, &str)]) -> Part {
    let mut part = vec![("type", kind.to_owned())];
    part.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    part
}

/// Pushes to a port of this machine.
pub(crate) fn push_to(kind: &str, port: u16, more: &[(&'static str, &str)]) -> Part {
    let mut part = rpc_source(kind, more);
    part.extend([("hostname", "127.0.0.1".to_owned()), ("port", port.to_string())]);
    part
}

/// Gives events to those who pull them.
pub(crate) fn pulled_at(port: u16, timeout_seconds: u32) -> Part {
    vec![("type", "PullSink".into()), ("port", port.to_string()), ("timeout", timeout_seconds.to_string())]
}

/// Writes bodies to files, a line each, or headers too.
pub(crate) fn to_files(serializer: &str) -> Part {
    vec![
        ("type", "file_roll".into()),
        ("sink.directory", "files".into()),
        ("sink.rollInterval", "0".into()),
        ("sink.serializer", serializer.into()),
    ]
}

pub(crate) struct OwnAgent {
    folder: TempDir,
    /// Where its source listens.
    pub(crate) port: u16,
    process: Option<Child>,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl OwnAgent {
    /// An agent that does not run yet.
    pub(crate) fn new(source: Part, sink: Part, channel: Channel) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        fs::create_dir(folder.path().join("files")).unwrap();
        let mut text = format!(
            "a.sources=s\na.channels=c\na.sinks=k\na.sources.s.channels=c\na.sinks.k.channel=c\n\
             a.sources.s.bind=127.0.0.1\na.sources.s.port={port}\n\
             a.channels.c.capacity=100000\na.channels.c.transactionCapacity=10000\na.channels.c.keep-alive=0\n"
        );
        let at = folder.path().display();
        text += &match channel {
            Channel::Memory => "a.channels.c.type=memory\n".to_owned(),
            Channel::File => format!(
                "a.channels.c.type=file\na.channels.c.checkpointDir={at}/channel/checkpoint\n\
                 a.channels.c.dataDirs={at}/channel/data\na.channels.c.minimumRequiredSpace=1048576\n"
            ),
        };
        for (part, settings) in [("sources.s", source), ("sinks.k", sink)] {
            for (name, value) in settings {
                text += &format!("a.{part}.{name}={value}\n");
            }
        }
        fs::write(folder.path().join("flume.properties"), text).unwrap();
        Self { folder, port, process: None }
    }

    pub(crate) fn started(source: Part, sink: Part, channel: Channel) -> Self {
        let mut agent = Self::new(source, sink, channel);
        agent.start();
        agent
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts it, with what its channel has, and waits until its source listens.
    pub(crate) fn start(&mut self) {
        let mut java = Command::new("java");
        java.args([
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
        ]);
        java.arg(format!("-Dlog4j.configurationFile={}", fact("MILLSTREAM_FLUME_LOGGING")));
        java.args(["-cp", &fact("MILLSTREAM_FLUME_CLASSES"), "org.apache.flume.node.Application"]);
        java.args(["--name", "a", "--conf-file", "flume.properties", "--no-reload-conf"]);
        java.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.process = Some(java.stderr(fs::File::create(self.log()).unwrap()).spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            let log = fs::read_to_string(self.log()).unwrap();
            assert!(begun.elapsed() < LONG && !log.contains("has been removed due to"), "{log}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops answering, as a machine does whose network is gone.
    pub(crate) fn freeze(&self) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    /// Writes lines to its source, and returns once each is accepted.
    pub(crate) fn feed(&self, lines: impl Iterator<Item = String>) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let lines: Vec<String> = lines.collect();
        let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
        for some in lines.chunks(100) {
            let text: String = some.iter().map(|line| format!("{line}\n")).collect();
            stream.write_all(text.as_bytes()).unwrap();
            some.iter().for_each(|_| assert_eq!(answers.next().unwrap().unwrap(), "OK"));
        }
    }

    /// The lines in its files.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for file in fs::read_dir(self.folder.path().join("files")).unwrap() {
            lines.extend(fs::read_to_string(file.unwrap().path()).unwrap().lines().map(str::to_owned));
        }
        lines
    }

    /// Waits until all of these lines are in its files; gives all that are.
    pub(crate) fn await_files(&self, expected: &BTreeSet<String>) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let lines = self.files();
            let found: BTreeSet<&String> = lines.iter().collect();
            let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
            if missing.is_empty() {
                return lines;
            }
            let some = &missing[..missing.len().min(5)];
            assert!(
                begun.elapsed() < LONG,
                "{} of {} lines are missing, such as {some:?}",
                missing.len(),
                expected.len()
            );
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl Drop for OwnAgent {
    fn drop(&mut self) {
        self.kill();
    }
}
