//! Two job managers that take turns, three workers, an object store and a client, each on a machine of its own.
//!
//! Answers for starting them and starting them again, as a supervisor would, for asking them, and for finding those who are
//! to suffer. Holds: all processes end with the value.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::chance::Chance;
use crate::machines::{Machines, Way};
use crate::store::Store;
use crate::work::{Ground, Results, SUFFERER, Work, all, python, read};

const MANAGERS: usize = 2;
const WORKERS: usize = 3;
/// The machine of the object store.
const STORE: usize = MANAGERS + WORKERS;
/// The machine of whoever asks.
const CLIENT: usize = STORE + 1;
/// How long a leader may be silent, in seconds.
const SILENCE: &str = "2";
/// The variable that tells our processes from those of others.
const MARK: &str = "CHAOS_TOWN";
/// Of the disk that checkpoints are on.
const DISK: usize = 64 << 20;

/// Who can suffer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Executor,
    Master,
    Worker,
    Leader,
    Standby,
}

/// A job of a kind that was submitted.
pub(crate) struct Job {
    pub(crate) work: &'static dyn Work,
    name: String,
    folder: String,
}

pub(crate) struct Town {
    pub(crate) folder: PathBuf,
    pub(crate) store: Store,
    machines: Option<Machines>,
    /// REST and workers' addresses of the job managers.
    addresses: Vec<(String, String)>,
    managers: Vec<Child>,
    workers: Vec<Child>,
    has_disk: bool,
    _folder: tempfile::TempDir,
}

/// Milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

pub(crate) fn signal(pid: u32, signal: &str) {
    // It may have ended by itself.
    let _gone = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The command: cargo builds the programs of this package alone for its tests.
fn millstream() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "millstream-cli", "--bin", "millstream"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        // What cargo tells a test about its package would have crates built anew that look at it.
        let told = std::env::vars_os().map(|(name, _)| name);
        told.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")).for_each(|name| {
            build.env_remove(name);
        });
        build.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        assert!(build.status().unwrap().success());
        let folder = Path::new(env!("CARGO_BIN_EXE_sufferer")).parent().unwrap();
        folder.join("millstream").to_string_lossy().into_owned()
    })
}

fn here(program: &str) -> Command {
    Command::new(program)
}

/// What makes commands on a machine, or here where there are none.
fn on(machines: Option<&Machines>, number: usize) -> Box<dyn Fn(&str) -> Command> {
    match machines {
        Some(machines) => Box::new(machines.on(number)),
        None => Box::new(here),
    }
}

impl Town {
    pub(crate) fn build() -> Self {
        let held = tempfile::tempdir().unwrap();
        let folder = held.path().to_owned();
        let machines = Machines::new(CLIENT + 1);
        let disk = folder.join("disk");
        fs::create_dir(&disk).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DISK}"), "none"])
            .arg(&disk)
            .stderr(Stdio::null())
            .status();
        let has_disk = mounted.is_ok_and(|status| status.success());
        let ports: Vec<TcpListener> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |number: usize| ports[number].local_addr().unwrap().port();
        let address = |number: usize| {
            let host = machines.as_ref().map_or("127.0.0.1".to_owned(), |machines| machines.address(number));
            (format!("{host}:{}", port(number)), format!("{host}:{}", port(number + 2)))
        };
        let addresses: Vec<_> = (0..MANAGERS).map(address).collect();
        let (store_host, store_ports) = match &machines {
            Some(machines) => (machines.address(STORE), [port(4), port(5)]),
            None => ("127.0.0.1".to_owned(), [port(4), port(5)]),
        };
        drop(ports);
        fs::create_dir(folder.join("store")).unwrap();
        let store =
            Store::open(&folder.join("store"), &store_host, store_ports, on(machines.as_ref(), STORE));
        let (managers, workers) = (Vec::new(), Vec::new());
        let mut town =
            Self { folder, store, machines, addresses, managers, workers, has_disk, _folder: held };
        assert!(Command::new(millstream()).arg("token").arg(town.token()).status().unwrap().success());
        for number in 0..MANAGERS {
            let manager = town.manager(number);
            town.managers.push(manager);
        }
        for number in 0..WORKERS {
            let worker = town.worker(number);
            town.workers.push(worker);
        }
        town.wait_until("the workers", Duration::from_secs(60), |town| {
            town.json(&["list", "--workers"]).as_array().is_some_and(|workers| workers.len() == WORKERS)
        });
        town
    }

    /// What is missing on this machine, in words.
    pub(crate) fn lacks(&self) -> String {
        let mut lacks = String::new();
        if self.machines.is_none() {
            lacks += "; no network cuts: network namespaces cannot be made here";
        }
        if python().is_none() {
            lacks += "; no job in Python: MILLSTREAM_CHAOS_PYTHON names no interpreter that has the package";
        }
        if !self.has_disk {
            lacks += "; no full disk: no file system can be mounted here";
        }
        lacks
    }

    fn command(&self, machine: usize, program: &str) -> Command {
        let mut command = on(self.machines.as_ref(), machine)(program);
        self.store.environment(&mut command);
        // What its own processes are known by.
        command.env(MARK, &self.folder);
        command
    }

    fn token(&self) -> PathBuf {
        self.folder.join("token")
    }

    fn log(&self, name: &str) -> Stdio {
        let path = self.folder.join(format!("{name}.log"));
        Stdio::from(fs::OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    fn manager(&self, number: usize) -> Child {
        let (rest, workers) = &self.addresses[number];
        let (host, rest_port) = rest.rsplit_once(':').unwrap();
        let port = workers.rsplit_once(':').unwrap().1;
        let mut command = self.command(number, millstream());
        command.args(["jobmanager", "--insecure", "--ha-timeout", SILENCE, "--listen", host]);
        command.arg("--token-file").arg(self.token());
        command.args(["--rest-port", rest_port, "--port", port, "--ha", &Store::location("place")]);
        command.args(python().map(|python| format!("--python={python}")));
        command.stderr(self.log(&format!("manager-{number}"))).spawn().unwrap()
    }

    fn worker(&self, number: usize) -> Child {
        let managers: Vec<&str> = self.addresses.iter().map(|(_, workers)| workers.as_str()).collect();
        let mut command = self.command(MANAGERS + number, millstream());
        command.args([
            "worker",
            "--insecure",
            "--slots",
            "4",
            "--grace",
            "60",
            "--manager",
            &managers.join(","),
        ]);
        command.arg("--token-file").arg(self.token());
        command.args(python().map(|python| format!("--python={python}")));
        command.stderr(self.log(&format!("worker-{number}"))).spawn().unwrap()
    }

    fn ask(&self, words: &[&str]) -> Command {
        let masters: Vec<&str> = self.addresses.iter().map(|(rest, _)| rest.as_str()).collect();
        let mut command = self.command(CLIENT, millstream());
        command.args(words).args(["--master", &masters.join(",")]).arg("--token-file").arg(self.token());
        command
    }

    /// What a command lists; nothing while nobody leads.
    fn json(&self, words: &[&str]) -> Value {
        let output = self.ask(words).args(["--output", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Starts again whoever has ended.
    fn keep_up(&mut self) {
        for number in 0..MANAGERS {
            if self.managers[number].try_wait().unwrap().is_some() {
                self.managers[number] = self.manager(number);
            }
        }
        for number in 0..WORKERS {
            if self.workers[number].try_wait().unwrap().is_some() {
                self.workers[number] = self.worker(number);
            }
        }
    }

    pub(crate) fn keep_up_for(&mut self, long: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < long {
            self.keep_up();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_until(&mut self, what: &str, patience: Duration, mut is: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.keep_up();
            if is(self) {
                return;
            }
            if begun.elapsed() > patience {
                panic!("waited for this in vain: {what}\n{}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where something of a job of this kind lies.
    fn place(&self, ground: Ground, work: &dyn Work, round: u32) -> String {
        let name = format!("{}-{round}", work.name());
        match ground {
            Ground::Folder => self.folder.join(name).to_string_lossy().into_owned(),
            Ground::Disk => self.folder.join("disk").join(name).to_string_lossy().into_owned(),
            Ground::Store => Store::location(&name),
        }
    }

    /// Has a job of each kind run, and is their names.
    pub(crate) fn submit(&mut self, round: u32, records: u64, rate: u64) -> Vec<Job> {
        let submit = |work: &'static dyn Work| {
            let (files, checkpoints) = work.grounds();
            let folder = self.place(files, work, round);
            let checkpoints = self.place(checkpoints, work, round) + "-checkpoints";
            let mut name = String::new();
            self.wait_until("a leader that takes the job", Duration::from_secs(60), |town| {
                let mut command = town.ask(&["run", "--detach"]);
                command.args(python().map(|python| format!("--python={python}")));
                command.arg(work.program()).args([work.name(), &folder, &checkpoints]);
                let output = command.args([records.to_string(), rate.to_string()]).output().unwrap();
                name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                output.status.success()
            });
            Job { work, name, folder }
        };
        all().into_iter().map(submit).collect()
    }

    pub(crate) fn results(&self, job: &Job) -> Results {
        job.work.results(read(self.command(CLIENT, SUFFERER), &job.folder))
    }

    fn status(&self, job: &str) -> Value {
        self.json(&["status", job])
    }

    /// Whether all have; one that ended in another way ends the test.
    pub(crate) fn have_finished(&self, jobs: &[Job]) -> bool {
        jobs.iter().all(|job| {
            let (name, status) = (&job.name, self.status(&job.name));
            let state = status["state"].as_str().unwrap_or_default();
            assert!(
                !["failed", "canceled"].contains(&state),
                "{name} has {state}: {status}\n{}",
                self.last_words()
            );
            state == "finished"
        })
    }

    /// Whether each has gone on since, or has finished.
    pub(crate) fn go_on_since(&self, jobs: &[Job], since: i64) -> bool {
        jobs.iter().all(|job| {
            let status = self.status(&job.name);
            status["state"] == "finished" || job.work.has_gone_on(&status, Path::new(&job.folder), since)
        })
    }

    /// One of these, if there is any.
    pub(crate) fn one(&self, who: Who, chance: &mut Chance) -> Option<u32> {
        let all: Vec<u32> = match who {
            Who::Executor => self.processes("executor"),
            Who::Master => self.processes("master"),
            Who::Worker => self.workers.iter().map(Child::id).collect(),
            Who::Leader | Who::Standby => {
                let leader = self.leader();
                let is_meant = |pid: &u32| (Some(*pid) == leader) == matches!(who, Who::Leader);
                self.managers.iter().map(Child::id).filter(is_meant).collect()
            }
        };
        all.get(chance.below(all.len())).copied()
    }

    /// Who listens: one that stands by does not. (The lease may not be to be read when this is asked.)
    fn leader(&self) -> Option<u32> {
        let listens = |number: &usize| {
            let port = self.addresses[*number].0.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
            let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", self.managers[*number].id()));
            let socket = format!(":{port:04X} 00000000:0000 0A");
            sockets.is_ok_and(|sockets| sockets.lines().any(|line| line.contains(&socket)))
        };
        (0..MANAGERS).find(listens).map(|number| self.managers[number].id())
    }

    fn processes(&self, role: &str) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.folder.display());
        let role = format!("MILLSTREAM_ROLE={role}");
        let mut found: Vec<u32> = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment);
            let has = |begin: &str| environment.split('\0').any(|word| word.starts_with(begin));
            if has(&mark) && has(&role) {
                found.push(pid);
            }
        }
        found.sort_unstable();
        found
    }

    pub(crate) fn machines(&self) -> usize {
        MANAGERS + WORKERS + 1
    }

    /// Whether that can be.
    pub(crate) fn cut(&self, way: Way) -> bool {
        self.machines.as_ref().is_some_and(|machines| machines.cut(way))
    }

    pub(crate) fn mend(&self, way: Way) {
        self.machines.iter().for_each(|machines| machines.mend(way));
    }

    /// Whether that can be.
    pub(crate) fn fill_the_disk(&self) -> bool {
        // It writes until there is no room.
        self.has_disk && fs::write(self.folder.join("disk/filler"), vec![0; DISK]).is_err()
    }

    pub(crate) fn empty_the_disk(&self) {
        fs::remove_file(self.folder.join("disk/filler")).unwrap();
    }

    /// The ends of the logs.
    pub(crate) fn last_words(&self) -> String {
        let mut words = String::new();
        for entry in fs::read_dir(&self.folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".log") {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                words += &format!("--- {name}\n{}\n", lines[lines.len().saturating_sub(40)..].join("\n"));
            }
        }
        words
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for child in self.managers.iter_mut().chain(&mut self.workers) {
            // Gone already is as well.
            let _gone = child.kill();
            let _gone = child.wait();
        }
        let end = Instant::now() + Duration::from_secs(10);
        while !self.processes("").is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        if self.has_disk {
            let _gone = Command::new("umount").arg("-l").arg(self.folder.join("disk")).status();
        }
    }
}
