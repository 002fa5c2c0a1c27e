//! Streams in batches on executors: each batch gives what it gives in one process, whatever happens to the processes.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_testkit::cluster::{Cluster, Program};
use tempfile::TempDir;

/// By name and batch time: the lines, in order.
type Outputs = BTreeMap<String, Vec<String>>;

/// What runs a program.
enum Runs {
    Alone(Child),
    There(Box<Cluster>),
}

/// A program with its folder, and the test's end of its socket.
struct Stage {
    folder: TempDir,
    program: (String, u32),
    listener: TcpListener,
    connection: Option<TcpStream>,
    runs: Runs,
    ticks: u32,
    sent: u64,
}

fn arguments(which: &str, folder: &Path, parallelism: u32, port: u16) -> Vec<String> {
    vec![which.into(), folder.display().to_string(), parallelism.to_string(), port.to_string()]
}

impl Stage {
    /// Starts a program: in one process, or on executors of these slots.
    fn start(which: &str, slots: &[u32], parallelism: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        ["in", "out"].iter().for_each(|name| std::fs::create_dir(folder.path().join(name)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let arguments = arguments(which, folder.path(), parallelism, listener.local_addr().unwrap().port());
        let binary = env!("CARGO_BIN_EXE_microbatches");
        let runs = if slots.is_empty() {
            let mut command = Command::new(binary);
            Runs::Alone(command.args(arguments).stdout(Stdio::null()).spawn().unwrap())
        } else {
            let program = arguments.into_iter().fold(Program::new(binary), |program, text| program.arg(text));
            let mut cluster = Cluster::start(program);
            for slots in slots {
                cluster.add_executor(*slots);
            }
            Runs::There(Box::new(cluster))
        };
        let program = (which.to_owned(), parallelism);
        Self { folder, program, listener, connection: None, runs, ticks: 0, sent: 0 }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn cluster(&mut self) -> &mut Cluster {
        match &mut self.runs {
            Runs::There(cluster) => cluster,
            Runs::Alone(_) => panic!("it runs in one process"),
        }
    }

    fn said(&self) -> String {
        match &self.runs {
            Runs::There(cluster) => cluster.said(),
            Runs::Alone(_) => String::new(),
        }
    }

    fn wait_for(&mut self, what: &str, is: impl Fn(&Path) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(100);
        while !is(self.folder.path()) {
            if let Runs::There(cluster) = &mut self.runs {
                assert!(!cluster.has_ended(), "it ended before {what}: {}", cluster.said());
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_for_word(&self, word: &str) {
        let deadline = Instant::now() + Duration::from_secs(100);
        while !self.said().contains(word) {
            assert!(Instant::now() < deadline, "{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Puts text into the next batch: as a file, or through the socket.
    fn put(&mut self, text: &str) {
        self.wait_for("the start", |folder| any_file(folder, "ready-", |_| true));
        if self.program.0 == "folder" {
            let name = format!("{}-{}", self.ticks, self.sent);
            self.sent += 1;
            std::fs::write(self.path(&format!("in/.{name}")), text).unwrap();
            std::fs::rename(self.path(&format!("in/.{name}")), self.path(&format!("in/{name}"))).unwrap();
            return;
        }
        let connection = self.connection.get_or_insert_with(|| self.listener.accept().unwrap().0);
        connection.write_all(text.replace(' ', "\n").as_bytes()).unwrap();
        connection.write_all(b"\n").unwrap();
        self.sent += text.split(' ').count() as u64;
        let sent = format!("{}\n", self.sent);
        self.wait_for("the lines to be received", |folder| {
            any_file(folder, "received-", |path| std::fs::read_to_string(path).is_ok_and(|text| text == sent))
        });
    }

    /// Lets the clock come to the next batch time.
    fn tick(&mut self) {
        self.ticks += 1;
        std::fs::write(self.path(&format!("tick-{}", self.ticks)), "").unwrap();
    }

    /// Waits until the last batch is put out.
    fn wait_for_batch(&mut self) {
        let name = match self.program.0.as_str() {
            "plain" | "queue" => format!("out/counts-{}000/_SUCCESS", self.ticks),
            _ => format!("out/keys-{}000", self.ticks),
        };
        self.wait_for(&name, |folder| folder.join(&name).exists());
    }

    fn batch(&mut self, text: &str) {
        self.put(text);
        self.tick();
        self.wait_for_batch();
    }

    fn go(&self) {
        std::fs::write(self.path("go"), "").unwrap();
    }

    /// A batch whose tasks wait for `go`.
    fn batch_that_waits(&mut self, text: &str) {
        self.put(&format!("{text} wait"));
        self.tick();
        self.wait_for("a task that waits", |folder| any_file(folder, "waits-", |_| true));
    }

    /// Kills the master, and starts the program again.
    fn lose_master(&mut self, slots: &[u32]) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("received-") {
                std::fs::remove_file(path).unwrap();
            }
        }
        self.cluster().kill_master();
        self.cluster().start_master();
        (self.connection, self.sent) = (None, if self.program.0 == "folder" { self.sent } else { 0 });
        for slots in slots {
            self.cluster().add_executor(*slots);
        }
    }

    /// Stops it gracefully; what it put out.
    fn end(mut self) -> Outputs {
        std::fs::write(self.path("stop"), "").unwrap();
        match &mut self.runs {
            Runs::Alone(child) => assert!(child.wait().unwrap().success()),
            Runs::There(cluster) => assert!(cluster.wait().success(), "{}", cluster.said()),
        }
        outputs(&self.path("out"))
    }
}

fn any_file(folder: &Path, prefix: &str, is: impl Fn(&Path) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.any(|entry| is(&entry.path()))
}

fn outputs(folder: &Path) -> Outputs {
    let mut all = Outputs::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut files = vec![path.clone()];
        if path.is_dir() {
            assert!(path.join("_SUCCESS").exists(), "{} is not whole", path.display());
            files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
        }
        let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        all.insert(path.file_name().unwrap().to_string_lossy().into_owned(), lines);
    }
    all
}

const BATCHES: [&str; 6] =
    ["to be or not", "to be", "that is the question", "or not", "be that as it may", "the end is the end"];

/// What the undisturbed program puts out in one process. The batch at this place waits, if there is one.
fn embedded(which: &str, parallelism: u32, waits: Option<usize>) -> Outputs {
    let mut alone = Stage::start(which, &[], parallelism);
    alone.go();
    for (at, text) in BATCHES.iter().enumerate() {
        alone.batch(&if waits == Some(at) { format!("{text} wait") } else { (*text).to_owned() });
    }
    let outputs = alone.end();
    assert!(outputs["state-6000"].contains(&"the 3".to_owned()), "{outputs:?}");
    assert!(!outputs["carried-6000"].contains(&"to 1".to_owned()), "{outputs:?}");
    outputs
}

#[test]
fn batches_of_files_give_on_executors_what_they_give_in_one_process() {
    let expected = embedded("folder", 3, None);
    for slots in [&[3][..], &[1, 2], &[1, 1, 1]] {
        let mut there = Stage::start("folder", slots, 3);
        BATCHES.iter().for_each(|text| there.batch(text));
        assert_eq!(there.end(), expected, "{slots:?}");
    }
}

#[test]
fn batches_of_a_socket_give_on_executors_what_they_give_in_one_process() {
    let expected = embedded("socket", 2, None);
    for slots in [&[2][..], &[1, 1]] {
        let mut there = Stage::start("socket", slots, 2);
        BATCHES.iter().for_each(|text| there.batch(text));
        assert_eq!(there.end(), expected, "{slots:?}");
    }
}

/// Runs all batches; those of `killed` are lost while tasks of the batch at place 3 wait.
fn through_a_kill(which: &str, slots: &[u32], kill: impl Fn(&mut Stage)) -> Outputs {
    let mut there = Stage::start(which, slots, slots.iter().sum());
    for (at, text) in BATCHES.iter().enumerate() {
        if at == 3 {
            there.batch_that_waits(text);
            kill(&mut there);
            there.go();
            there.wait_for_batch();
        } else {
            there.batch(text);
        }
    }
    there.end()
}

#[test]
fn an_executor_that_is_killed_changes_no_batch() {
    for which in ["folder", "socket"] {
        let outputs = through_a_kill(which, &[1, 1, 1], |there| {
            let executors = there.cluster().executors();
            there.cluster().kill(executors[1]);
        });
        assert_eq!(outputs, embedded(which, 3, Some(3)), "{which}");
    }
}

#[test]
fn one_executor_that_is_left_of_three_has_all_state() {
    let outputs = through_a_kill("folder", &[1, 1, 1], |there| {
        let executors = there.cluster().executors();
        there.cluster().kill(executors[0]);
        there.cluster().kill(executors[2]);
    });
    assert_eq!(outputs, embedded("folder", 3, Some(3)));
}

#[test]
fn an_executor_that_comes_in_the_place_of_all_others_has_all_state() {
    let outputs = through_a_kill("socket", &[2], |there| {
        let executors = there.cluster().executors();
        there.cluster().kill(executors[0]);
        there.cluster().add_executor(2);
    });
    assert_eq!(outputs, embedded("socket", 2, Some(3)));
}

#[test]
fn a_master_that_is_killed_goes_on_with_state_and_with_what_was_received() {
    for which in ["folder", "socket"] {
        let outputs = through_a_kill(which, &[1, 1], |there| there.lose_master(&[1, 1]));
        assert_eq!(outputs, embedded(which, 2, Some(3)), "{which}");
    }
}

#[test]
fn a_program_without_a_checkpoint_folder_prints_in_the_master_and_stops_gracefully() {
    let run = |slots: &[u32]| {
        let mut stage = Stage::start("plain", slots, 2);
        stage.batch(BATCHES[0]);
        // What was received and not cut is in a last batch.
        stage.put(BATCHES[1]);
        stage.end()
    };
    let there = run(&[1, 1]);
    assert_eq!(there, run(&[]));
    assert_eq!(there["counts-2000"], ["be 1", "to 1"]);
}

#[test]
fn data_sets_of_a_queue_are_taken_by_all_processes() {
    let run = |slots: &[u32]| {
        let mut stage = Stage::start("queue", slots, 2);
        for _ in 0..4 {
            stage.tick();
            stage.wait_for_batch();
        }
        stage.end()
    };
    let there = run(&[1, 1]);
    assert_eq!(there, run(&[]));
    assert_eq!((there["counts-2000"].len(), there["counts-4000"].len()), (10, 0));
}

/// What a program says that is refused.
fn refused(which: &str) -> String {
    let mut there = Stage::start(which, &[1], 1);
    assert!(!there.cluster().wait().success());
    there.said()
}

#[test]
fn what_is_carried_needs_a_folder_that_executors_see() {
    let said = refused("unsaved");
    assert!(said.contains("carries something from batch to batch (update_state_by_key, "), "{said}");
    assert!(said.contains("call checkpoint(folder)"), "{said}");
}

#[test]
fn streams_that_differ_between_processes_are_refused_with_what_differs() {
    let mut there = Stage::start("differs", &[1], 1);
    there.wait_for_word("executor 0 is gone");
    there.tick();
    assert!(!there.cluster().wait().success());
    let said = there.said();
    assert!(said.contains("of the program is another one in an executor"), "{said}");
    assert!(said.contains("here `input socket 127.0.0.1:"), "{said}");
}

#[test]
fn an_action_beside_a_stream_that_runs_is_refused() {
    let said = refused("outside");
    assert!(said.contains("was called while a stream in batches (DStream) runs"), "{said}");
}
