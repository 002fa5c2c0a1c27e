//! With real processes: shells that do what a program might.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use millstream_runtime::control::Charge;
use millstream_runtime::log::Log;

use super::*;

/// Longer than any of these takes, however slow the machine.
const LONG: Duration = Duration::from_secs(60);

struct Shell {
    _folder: tempfile::TempDir,
    running: Option<Running>,
    lines: Receiver<(Stream, String)>,
    exit: Receiver<Exit>,
}

fn shell(script: &str) -> Shell {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("job");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (to_lines, lines) = channel();
    let (to_exit, exit) = channel();
    let launch = Launch {
        program: Program::Binary(program),
        name: "job".into(),
        arguments: vec!["one".into()],
        environment: [("COLOUR".to_owned(), "green".to_owned())].into(),
        folder: folder.path().into(),
        charge: Charge {
            job: "job-1".into(),
            term: 0,
            token: "secret".into(),
            tls: None,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            log: Log::default(),
            local: None,
            role: Role::Master { manager: ([127, 0, 0, 1], 9).into() },
        },
    };
    let said = move |stream, line| drop(to_lines.send((stream, line)));
    let running = launch.start(said, move |exit| drop(to_exit.send(exit))).unwrap();
    Shell { _folder: folder, running: Some(running), lines, exit }
}

impl Shell {
    /// The next line of standard output: what comes on the other may come before it.
    fn line(&self) -> String {
        loop {
            let (stream, line) = self.lines.recv_timeout(LONG).unwrap();
            if stream == Stream::Out {
                return line;
            }
        }
    }

    fn exit(&self) -> Exit {
        self.exit.recv_timeout(LONG).unwrap()
    }
}

#[test]
fn a_process_is_told_who_it_is_and_what_it_says_is_heard() {
    let shell =
        shell("read charge; echo \"$1 $COLOUR $MILLSTREAM_ROLE\"; echo \"$charge\"; echo oh >&2; exit 7");
    assert_eq!(shell.line(), "one green master");
    let charge: Charge = serde_json::from_str(&shell.line()).unwrap();
    assert_eq!((charge.job.as_str(), charge.token.as_str()), ("job-1", "secret"));
    assert_eq!(shell.exit(), Exit { code: Some(7), signal: None, last_words: vec!["oh".into()] });
}

#[test]
fn a_process_ends_with_whoever_holds_it_and_its_children_with_it() {
    let mut shell = shell("sleep 1000 & echo $!; wait");
    let child = shell.line();
    let alive = || std::path::Path::new("/proc").join(&child).join("exe").exists();
    assert!(alive());
    drop(shell.running.take());
    assert_eq!(shell.exit().signal, Some(9));
    let start = Instant::now();
    // The system buries it in its own time.
    while alive() {
        assert!(start.elapsed() < LONG, "the child of the process lives on");
        std::thread::yield_now();
    }
}

#[test]
fn its_end_is_told_though_a_child_of_it_holds_its_pipes() {
    let shell = shell("setsid sleep 5 & echo done; exit 0");
    assert_eq!(shell.line(), "done");
    assert_eq!(shell.exit().code, Some(0));
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("job");
    std::fs::write(&program, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    let failure = refused::why("job", &program, &command.spawn().unwrap_err());
    let text = failure.to_string();
    assert!(text.starts_with("job needs a loader or interpreter that is not on this machine"), "{text}");
}
