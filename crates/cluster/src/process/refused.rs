//! Why a program could not be started, in words.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use millstream_model::error::{Failure, Retry};

/// `ENOEXEC`.
const NO_EXECUTABLE: i32 = 8;

/// The failure for the system's error.
pub(super) fn why(name: &str, program: &Path, error: &std::io::Error) -> Failure {
    if error.raw_os_error() == Some(NO_EXECUTABLE) {
        return match foreign(program) {
            Some(machine) => Failure::user(format!(
                "{name} is a program for {machine}, this machine is {}",
                std::env::consts::ARCH
            ))
            .advice("build it for this machine: cargo build --release --target ..."),
            None => Failure::user(format!("{name} is no program that this machine can run"))
                .advice("give the binary that cargo built: target/release/NAME"),
        };
    }
    match error.kind() {
        ErrorKind::NotFound => {
            Failure::user(format!("{name} needs a loader or interpreter that is not on this machine"))
                .advice("build it for this system, or link it statically (target ...-linux-musl)")
        }
        ErrorKind::PermissionDenied => {
            Failure::external(format!("{} may not be run here", program.display())).retry(Retry::No).advice(
                "the folder may lie on a file system mounted with noexec: choose another with --folder",
            )
        }
        _ => Failure::external(format!("{name} cannot be started")).because(error.to_string()),
    }
}

/// What machine a binary is for, if it is one for Linux.
fn foreign(program: &Path) -> Option<String> {
    let mut header = [0; 20];
    File::open(program).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let little = header[5] == 1;
    let machine = [header[18], header[19]];
    let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
    Some(match machine {
        3 => "x86".into(),
        40 => "arm".into(),
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        other => format!("machine {other} of the ELF format"),
    })
}

#[cfg(test)]
mod tests {
    use millstream_model::error::Fault;

    use super::*;

    #[test]
    fn a_binary_for_another_machine_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("job");
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(18, 0);
        header.extend([243, 0]);
        std::fs::write(&program, header).unwrap();
        let failure = why("job", &program, &std::io::Error::from_raw_os_error(NO_EXECUTABLE));
        assert_eq!(failure.fault(), Fault::User);
        let text = failure.to_string();
        assert!(text.starts_with("job is a program for riscv64, this machine is "), "{text}");
        std::fs::write(&program, "hello").unwrap();
        let failure = why("job", &program, &std::io::Error::from_raw_os_error(NO_EXECUTABLE));
        assert!(failure.to_string().starts_with("job is no program that this machine can run"));
    }
}
