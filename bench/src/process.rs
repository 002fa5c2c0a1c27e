//! A contender as a process of its own, where what is measured belongs to a whole process.
//!
//! Answers for starting this program again with `--task`, and for what such a process says at its end. What a task does
//! is in its workload.
//! Holds: a process that ends badly is a failure and leaves no figure.

use std::process::{Command, Stdio};

use millstream::{Failure, Result};

use crate::arguments::{Scale, Setup};

/// What stands before the peak memory in the last line of a task.
const PEAK: &str = "peak memory in bytes: ";

/// What a process said.
pub(crate) struct Report {
    /// The lines that its task printed.
    pub(crate) lines: Vec<String>,
    /// The most memory that it had resident, in bytes.
    pub(crate) peak_memory: u64,
}

/// Runs `task` (its name, and behind a space what it is given) in a process of its own, from its start to its end.
pub(crate) fn run(setup: &Setup, task: &str) -> Result<Report> {
    let failed = |what: String| Failure::external(format!("the process of task `{task}` {what}"));
    let program =
        std::env::current_exe().map_err(|error| failed("is not found".to_owned()).because(error))?;
    let mut command = Command::new(program);
    command.arg("--task").arg(task).arg("--inputs").arg(setup.inputs.folder());
    if setup.scale == Scale::Short {
        command.arg("--short");
    }
    let ended = command.stderr(Stdio::inherit()).output();
    let ended = ended.map_err(|error| failed("cannot be started".to_owned()).because(error))?;
    if !ended.status.success() {
        return Err(failed(format!("ended with {}", ended.status)));
    }
    let said = String::from_utf8_lossy(&ended.stdout);
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let peak_memory = lines.pop().as_deref().and_then(|line| line.strip_prefix(PEAK)?.parse().ok());
    let peak_memory = peak_memory.ok_or_else(|| failed("did not say its peak memory".to_owned()))?;
    Ok(Report { lines, peak_memory })
}

/// Says, at the end of a task's process, how much memory it took.
pub(crate) fn report() -> Result<()> {
    let peak = peak_memory().ok_or_else(|| Failure::external("the system does not tell the peak memory"))?;
    println!("{PEAK}{peak}");
    Ok(())
}

/// The most memory this process had resident so far, in bytes.
pub(crate) fn peak_memory() -> Option<u64> {
    status("self", "VmHWM:")
}

/// The seconds of processors that this process has used so far, of all its threads.
pub(crate) fn processor_seconds() -> Option<f64> {
    processor_seconds_of("self")
}

/// As [`processor_seconds`], of the process of this number.
pub(crate) fn processor_seconds_of(process: &str) -> Option<f64> {
    let all = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may have spaces: the 12th and 13th field are hundredths of a second in user and system code.
    let fields: Vec<&str> = all.rsplit_once(')')?.1.split_whitespace().collect();
    let hundredths = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(hundredths / 100.0)
}

/// The memory this process has resident now, in bytes.
pub(crate) fn resident() -> Option<u64> {
    resident_of("self")
}

/// As [`resident`], of the process of this number.
pub(crate) fn resident_of(process: &str) -> Option<u64> {
    status(process, "VmRSS:")
}

/// A process and those that it has started.
pub(crate) fn and_children(process: u32) -> Vec<u32> {
    let is_child = |other: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{other}/stat")).unwrap_or_default();
        // Behind the name, which may have spaces: its state, then its parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        *other == process || parent == Some(process)
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

fn status(process: &str, key: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
