//! Job manager and workers as processes, which end with the test.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes that is to come, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that is killed with the test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is as well.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// A cluster and a folder.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) manager: Option<Process>,
    pub(crate) workers: Vec<Process>,
    /// Those that take turns, where there are several.
    pub(crate) managers: Vec<Process>,
    pub(crate) rest: String,
    pub(crate) workers_at: String,
    /// What job manager and workers are started with, and those that ask them.
    access: [Vec<String>; 2],
}

pub(crate) fn millstream(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.args(arguments).env_remove("MILLSTREAM_PYTHON");
    command
}

/// The program of streams.
pub(crate) fn steady() -> PathBuf {
    example("steady")
}

/// A program: an example of this crate.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        // Cargo builds the programs of a package for its tests, but not its examples.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "millstream-cli", "--examples"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    });
    Path::new(env!("CARGO_BIN_EXE_millstream")).parent().unwrap().join("examples").join(name)
}

/// Waits until there is something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Stage {
    /// A job manager and workers with so many slots.
    pub(crate) fn with(slots: &[u32]) -> Self {
        Self::start(slots, false, false)
    }

    /// The same, that ask for certificates, for a token, or for both.
    pub(crate) fn start(slots: &[u32], tls: bool, token: bool) -> Self {
        let (rest, workers_at) = (String::new(), String::new());
        let folder = tempfile::tempdir().unwrap();
        let access = access(folder.path(), tls, token);
        let (workers, managers) = (Vec::new(), Vec::new());
        let mut stage = Self { folder, manager: None, workers, managers, rest, workers_at, access };
        stage.start_manager(&["--port", "0", "--rest-port", "0"]);
        for slots in slots {
            stage.add_worker(*slots);
        }
        stage.wait_for_workers(slots.len());
        stage
    }

    /// Two job managers that agree at this place, and workers with so many slots.
    pub(crate) fn taking_turns(place: &str, timeout: &str, slots: &[u32]) -> Self {
        // Free ports, held until all are known.
        let held: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let at: Vec<String> = held.iter().map(|port| port.local_addr().unwrap().to_string()).collect();
        drop(held);
        let (rest, workers_at) = (at[..2].join(","), at[2..].join(","));
        let folder = tempfile::tempdir().unwrap();
        let (workers, managers) = (Vec::new(), Vec::new());
        let access = [Vec::new(), Vec::new()];
        let mut stage = Self { folder, manager: None, workers, managers, rest, workers_at, access };
        for number in 0..2 {
            let manager = stage.one_of_several(number, place, timeout);
            stage.managers.push(manager);
            // The first one leads.
            stage.wait_for_leader();
        }
        for slots in slots {
            stage.add_worker(*slots);
        }
        stage.wait_for_workers(slots.len());
        stage
    }

    pub(crate) fn one_of_several(&self, number: usize, place: &str, timeout: &str) -> Process {
        let port =
            |list: &str| list.split(',').nth(number).and_then(|at| at.rsplit_once(':')).unwrap().1.to_owned();
        let (rest, workers) = (port(&self.rest), port(&self.workers_at));
        let place = place.replace("FOLDER", &self.folder.path().to_string_lossy());
        let mut command = millstream(&["jobmanager", "--ha", &place, "--ha-timeout", timeout]);
        command.args(["--port", &workers, "--rest-port", &rest]);
        Process(command.stderr(self.log(&format!("manager-{number}"))).spawn().unwrap())
    }

    /// Which of several leads.
    pub(crate) fn leader(&self) -> Option<usize> {
        self.rest
            .split(',')
            .position(|rest| overview(rest).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")))
    }

    pub(crate) fn wait_for_leader(&self) -> usize {
        wait_for("a leader", || self.leader())
    }

    /// What a process wrote to its log.
    pub(crate) fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap()
    }

    fn start_manager(&mut self, ports: &[&str]) {
        let facts = self.folder.path().join("facts");
        let _none_yet = fs::remove_file(&facts);
        let mut command = millstream(&["jobmanager", "--folder"]);
        command.arg(self.folder.path().join("manager")).arg("--facts").arg(&facts).args(ports);
        command.args(&self.access[0]);
        self.manager = Some(Process(command.stderr(self.log("manager")).spawn().unwrap()));
        let facts = wait_for("the job manager", || fs::read(&facts).ok());
        let facts: Value = serde_json::from_slice(&facts).unwrap();
        self.rest = facts["rest"].as_str().unwrap().to_owned();
        self.workers_at = facts["workers"].as_str().unwrap().to_owned();
    }

    fn log(&self, name: &str) -> Stdio {
        let path = self.folder.path().join(format!("{name}.log"));
        Stdio::from(fs::OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    /// Kills the job manager and starts another one on its folder and ports.
    pub(crate) fn replace_manager(&mut self) {
        drop(self.manager.take());
        let port = |address: &str| address.rsplit_once(':').unwrap().1.to_owned();
        let (rest, workers) = (port(&self.rest), port(&self.workers_at));
        self.start_manager(&["--port", &workers, "--rest-port", &rest]);
    }

    pub(crate) fn add_worker(&mut self, slots: u32) {
        self.add_worker_at(slots, &self.workers_at.clone());
    }

    /// One that finds the job manager there.
    pub(crate) fn add_worker_at(&mut self, slots: u32, address: &str) {
        let slots = slots.to_string();
        let mut command = millstream(&["worker", "--grace", "60", "--slots", &slots, "--manager", address]);
        command.args(&self.access[0]);
        let log = self.log(&format!("worker-{}", self.workers.len()));
        self.workers.push(Process(command.stderr(log).spawn().unwrap()));
    }

    pub(crate) fn wait_for_workers(&self, number: usize) {
        wait_for("the workers", || {
            (self.json(&["list", "--workers"]).as_array()?.len() == number).then_some(())
        });
    }

    /// A command that asks this job manager.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Command {
        let mut command = millstream(arguments);
        command.args(["--master", &self.rest]).args(&self.access[1]);
        command
    }

    pub(crate) fn said(&self, arguments: &[&str]) -> Output {
        self.ask(arguments).output().unwrap()
    }

    /// What a command lists; nothing while the job manager is away.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.ask(arguments).args(["--output", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// `run`, with `steady` and its arguments.
    pub(crate) fn run(&self, options: &[&str], records: u64, rate: u64) -> Command {
        self.run_program(
            &steady(),
            options,
            &[&self.data().to_string_lossy(), &records.to_string(), &rate.to_string()],
        )
    }

    pub(crate) fn run_program(&self, program: &Path, options: &[&str], arguments: &[&str]) -> Command {
        let mut command = millstream(&["run", "--master", &self.rest]);
        command.args(&self.access[1]).args(options).arg(program).args(arguments);
        command
    }

    /// Where the job reads and writes.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A job that goes on for ever, when it has a checkpoint.
    pub(crate) fn endless_job(&self) -> String {
        let output = self.run(&["--detach"], 1_000_000_000, 2_000).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let job = text(&output.stdout).trim().to_owned();
        self.wait_for_checkpoint(&job);
        job
    }

    /// Waits until the job runs and has a complete checkpoint of its present master.
    pub(crate) fn wait_for_checkpoint(&self, job: &str) {
        wait_for("a checkpoint", || {
            let status = self.json(&["status", job]);
            let whole =
                status["checkpoints"].as_array()?.iter().any(|checkpoint| checkpoint["failure"].is_null());
            (status["state"] == "running" && whole).then_some(())
        });
    }

    pub(crate) fn wait_for_state(&self, job: &str, state: &str) {
        wait_for(state, || (self.json(&["status", job])["state"] == state).then_some(()));
    }

    /// What the job manager has logged.
    pub(crate) fn manager_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("manager.log")).unwrap()
    }

    /// The token of the cluster.
    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.folder.path().join("token")).unwrap().trim().to_owned()
    }

    /// The processes of the program, by their role.
    pub(crate) fn processes(&self, role: &str) -> Vec<u32> {
        let mark = self.data().to_string_lossy().into_owned();
        let role = format!("MILLSTREAM_ROLE={role}");
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let has = |bytes: &[u8], what: &str| text(bytes).split('\0').any(|word| word == what);
            if has(&read("cmdline"), &mark) && has(&read("environ"), &role) {
                found.push(pid);
            }
        }
        found
    }

    /// The results, whole: each key's counts go up by one, none is missing and none is there twice.
    pub(crate) fn assert_exactly_once(&self, records: u64) {
        for (key, counts) in self.counts("out").iter().enumerate() {
            let expected = (records - key as u64).div_ceil(97);
            assert!(
                counts.iter().copied().eq(1..=expected),
                "key {key}: {} counts of {expected}",
                counts.len()
            );
        }
    }

    /// The counts of each key in this folder of results, in their order.
    pub(crate) fn counts(&self, folder: &str) -> Vec<Vec<u64>> {
        let mut counts: Vec<Vec<u64>> = vec![Vec::new(); 97];
        let mut folders = vec![self.data().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if !entry.file_name().to_string_lossy().starts_with(['.', '_']) {
                    for line in fs::read_to_string(entry.path()).unwrap().lines() {
                        let (key, count) = line.split_once(' ').unwrap();
                        counts[key.parse::<usize>().unwrap()].push(count.parse().unwrap());
                    }
                }
            }
        }
        counts.iter_mut().for_each(|counts| counts.sort_unstable());
        counts
    }
}

/// The arguments for processes of a cluster, and for those that ask it; what they name is made as a user makes it.
fn access(folder: &Path, tls: bool, token: bool) -> [Vec<String>; 2] {
    let mut access = [Vec::new(), Vec::new()];
    let mut add = |option: &str, [cluster, client]: [PathBuf; 2]| {
        access[0].extend([option.to_owned(), cluster.display().to_string()]);
        access[1].extend([option.to_owned(), client.display().to_string()]);
    };
    let made = |arguments: &[&str]| {
        let output = millstream(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    if tls {
        let certs = folder.join("certs");
        made(&["certs", &certs.to_string_lossy()]);
        add("--tls", [certs.join("cluster"), certs.join("client")]);
    }
    if token {
        let file = folder.join("token");
        made(&["token", &file.to_string_lossy()]);
        add("--token-file", [file.clone(), file]);
    }
    access
}

/// What is answered at this address, if soon: one that stands still answers nothing.
fn overview(rest: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(rest)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    write!(stream, "GET /v1/overview HTTP/1.1\r\nHost: {rest}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(crate) fn kill(pid: u32) {
    signal(pid, "-9");
}

pub(crate) fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}
