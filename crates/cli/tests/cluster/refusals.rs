//! What cannot be done says so, and what would be right.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::stage::{Stage, millstream, steady, text};

fn refused(arguments: &[&str]) -> String {
    let output = millstream(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused(&["jobmanager", "--port", &port, "--rest-port", "0"]);
    assert!(said.contains("another process listens there"), "{said}");
    let said = refused(&["jobmanager", "--port", "0", "--rest-port", &port]);
    assert!(said.contains("take another port: --rest-port PORT"), "{said}");
}

#[test]
fn what_is_wrong_with_a_standby_is_found_when_it_starts_and_not_when_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place").to_string_lossy().into_owned();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for ports in [["--port", "0", "--rest-port", &port], ["--port", &port, "--rest-port", "0"]] {
        let said = refused(&[&["jobmanager", "--ha", &place][..], &ports].concat());
        assert!(said.contains(&format!("cannot listen at 127.0.0.1, port {port}")), "{said}");
    }
    let said = refused(&["jobmanager", "--ha", &place, "--ha-timeout", "0"]);
    assert!(said.contains("a number of seconds from 0.2 to 3600 is expected"), "{said}");
    let said = refused(&["jobmanager", "--ha", "ftp://x/y", "--port", "0", "--rest-port", "0"]);
    assert!(said.contains("`ftp` is no kind of place that is known"), "{said}");
    let said = refused(&["worker", "--manager", "127.0.0.1:1,nowhere"]);
    assert!(said.contains("`nowhere` is no address of a job manager"), "{said}");
}

#[test]
fn where_no_job_manager_is_worker_and_client_say_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = refused(&["list", "--master", &free]);
    assert!(said.contains(&format!("no job manager answers at {free}")), "{said}");
    let said = refused(&["worker", "--grace", "0", "--manager", &free]);
    assert!(said.contains("is a job manager running there? millstream jobmanager"), "{said}");
    let said = refused(&["run", "--master", &free, &steady().to_string_lossy()]);
    assert!(said.contains("no job manager answers at"), "{said}");
}

#[test]
fn listening_for_everybody_has_to_be_meant() {
    let said = refused(&["jobmanager", "--listen", "0.0.0.0", "--port", "0", "--rest-port", "0"]);
    assert!(said.contains("lets everybody who reaches it run programs here"), "{said}");
    assert!(said.contains("--insecure") && said.contains("millstream token FILE"), "{said}");
}

#[test]
fn what_is_no_program_of_millstreams_is_told_apart() {
    let stage = Stage::with(&[1]);
    let fails = |program: &Path| {
        let output = stage.run_program(program, &[], &[]).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = fails(Path::new("/bin/true"));
    assert_eq!(code, Some(1));
    assert!(said.contains("true ended without a word to the job manager"), "{said}");

    let foreign = stage.folder.path().join("foreign");
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(18, 0);
    header.extend([243, 0]);
    header.resize(64, 0);
    fs::write(&foreign, header).unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, said) = fails(&foreign);
    assert_eq!(code, Some(1));
    assert!(said.contains("foreign is a program for riscv64"), "{said}");

    let (code, said) = fails(Path::new("none.py"));
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no program none.py"), "{said}");
}

#[test]
fn a_program_that_fails_ends_the_command_with_what_it_said() {
    let stage = Stage::with(&[1]);
    let output = stage.run_program(&steady(), &[], &["only-one"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("usage: steady FOLDER RECORDS RATE"), "{said}");
    assert!(said.contains("error: job-1 failed"), "{said}");
}
