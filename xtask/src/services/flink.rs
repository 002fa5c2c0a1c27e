//! Apache Flink: a session cluster of one job manager and one task manager, on loopback.
//!
//! Facts: `MILLSTREAM_FLINK_MASTER` (the REST address), `MILLSTREAM_FLINK_CONF` (a folder of settings for a client),
//! `MILLSTREAM_FLINK_HOME` (where it is installed).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::services::processes::Running;
use crate::services::{Service, loopback, packages};

const VERSION: &str = "2.3.0";
const SLOTS: u32 = 2;
/// A task manager that cancels a job of Python functions at times ends itself ("Reference count must not be negative"),
/// and whoever runs Flink starts it again. So does this, within reason.
const LIVES: u32 = 20;
const SUPERVISED: &str = r#"trap 'kill $child; wait $child; exit' TERM
life=0
while [ $life -lt $1 ]; do
    life=$((life + 1))
    "$0" start-foreground &
    child=$!
    wait $child
done"#;

/// See the module.
pub(crate) struct Flink;

impl Service for Flink {
    fn name(&self) -> &'static str {
        "flink"
    }

    fn version(&self) -> Result<String> {
        packages::version(VERSION)
    }

    fn fetch(&self, into: &Path) -> Result<()> {
        packages::install(&format!("apache-flink=={VERSION}"), into)
    }

    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()> {
        let run = &running.folder.clone();
        let home = packages::package(fetched, "pyflink");
        let [rest, rpc] = loopback::free_ports()?;
        for folder in ["conf", "log", "tmp"] {
            fs::create_dir(run.join(folder)).context("cannot make a folder for the run")?;
        }
        let python = packages::interpreter(fetched, &run.join("python"))?;
        for name in ["log4j.properties", "log4j-console.properties", "log4j-cli.properties"] {
            fs::copy(home.join("conf").join(name), run.join("conf").join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
        let shipped =
            fs::read_to_string(home.join("conf/config.yaml")).context("cannot read Flink's config.yaml")?;
        fs::write(run.join("conf/config.yaml"), settings(run, &python, rest, rpc, opened(&shipped)?))
            .context("cannot write config.yaml")?;
        for (part, lives) in [("jobmanager", 1), ("taskmanager", LIVES)] {
            let mut command = Command::new("sh");
            command.args(["-c", SUPERVISED]).arg(home.join(format!("bin/{part}.sh"))).arg(lives.to_string());
            command.env("FLINK_HOME", &home).env("FLINK_CONF_DIR", run.join("conf"));
            command.env("FLINK_LOG_DIR", run.join("log")).env("FLINK_PID_DIR", run.join("tmp"));
            // What tasks print is a file of its own then, as where Flink runs as a daemon.
            command.env("STD_REDIRECT_TO_FILE", "true").env("FLINK_IDENT_STRING", "tests");
            command.env("PATH", path_with(&python)?);
            for other in
                ["HADOOP_CONF_DIR", "YARN_CONF_DIR", "HBASE_CONF_DIR", "HADOOP_CLASSPATH", "PYTHONPATH"]
            {
                command.env_remove(other);
            }
            running.spawn(part, &command)?;
        }
        let free = format!("\"slots-available\":{SLOTS}");
        running.wait_for("a task slot", || {
            loopback::get(rest, "/overview").is_some_and(|told| told.contains(&free))
        })?;
        running.facts.insert("MILLSTREAM_FLINK_MASTER".to_owned(), format!("127.0.0.1:{rest}"));
        running.facts.insert("MILLSTREAM_FLINK_CONF".to_owned(), run.join("conf").display().to_string());
        running.facts.insert("MILLSTREAM_FLINK_HOME".to_owned(), home.display().to_string());
        Ok(())
    }
}

/// The options with which Java lets Flink at its inner parts, out of the settings that Flink ships.
fn opened(shipped: &str) -> Result<&str> {
    let found = shipped.lines().find_map(|line| line.trim().strip_prefix("all: "));
    found.context("Flink's config.yaml has no line of options for Java")
}

/// The search path with the folder of an interpreter in front: Flink's scripts call `python`.
fn path_with(python: &Path) -> Result<std::ffi::OsString> {
    let folder = python.parent().context("the interpreter lies in no folder")?.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)))?)
}

fn settings(run: &Path, python: &Path, rest: u16, rpc: u16, java: &str) -> String {
    let (run, python) = (run.display(), python.display());
    format!(
        "env.java.opts.all: {java}
env.java.opts.jobmanager: -XX:+UseSerialGC -XX:TieredStopAtLevel=1
env.java.opts.taskmanager: -XX:+UseSerialGC
env.java.opts.client: -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.heap.size: 256m
jobmanager.memory.off-heap.size: 96m
jobmanager.memory.jvm-metaspace.size: 192m
jobmanager.memory.jvm-overhead.min: 64m
jobmanager.memory.jvm-overhead.max: 64m
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {SLOTS}
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.managed.size: 192m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.jvm-metaspace.size: 192m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
rest.bind-port: \"{rest}\"
io.tmp.dirs: {run}/tmp
python.executable: {python}
"
    )
}

#[cfg(test)]
mod tests {
    use super::opened;

    #[test]
    fn the_options_for_java_are_found_in_flinks_own_settings() {
        let shipped = "env:\n  java:\n    opts:\n      all: --add-exports=a/b=ALL-UNNAMED\n";
        assert_eq!(opened(shipped).unwrap(), "--add-exports=a/b=ALL-UNNAMED");
        assert!(opened("rest:\n  port: 1\n").is_err());
    }
}
