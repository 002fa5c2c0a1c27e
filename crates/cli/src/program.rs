//! Whether there is a program to run, before anything is started for it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// How a program for Linux begins.
const ELF: &[u8] = b"\x7fELF";

/// What is wrong with a program, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) what: String,
    pub(crate) right: &'static str,
}

/// Looks at the file.
///
/// # Errors
/// If it is none that Python could read.
pub(crate) fn check(program: &Path) -> Result<(), Unfit> {
    let shown = program.display();
    let unfit = |what: String, right| Err(Unfit { what, right });
    if program.is_dir() {
        return unfit(format!("{shown} is a folder"), "name the program in it: FOLDER/job.py");
    }
    let mut file = match File::open(program) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return unfit(
                format!("there is no program {shown}"),
                "name an existing file: millstream run job.py",
            );
        }
        Err(error) => {
            return unfit(format!("the program {shown} cannot be opened: {error}"), "check who may read it");
        }
    };
    // What is read from a pipe is gone for the one who runs it.
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    let mut start = [0; ELF.len()];
    match file.read_exact(&mut start) {
        Ok(()) if start == ELF => unfit(
            format!("{shown} is no Python program, it is a compiled one"),
            "start it by itself: the engine is inside of it",
        ),
        // A shorter file may well be a program.
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => unfit(format!("the program {shown} cannot be read: {error}"), "check its disk"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_there_is_fit_however_short() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "1", "print('text')\n"] {
            let program = folder.path().join("job.py");
            std::fs::write(&program, text).unwrap();
            assert_eq!(check(&program), Ok(()));
        }
    }

    #[test]
    fn what_is_no_program_is_named_with_what_would_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let compiled = folder.path().join("job");
        std::fs::write(&compiled, b"\x7fELF\x02\x01").unwrap();
        let what = |path: &Path| check(path).unwrap_err().what;
        assert!(what(folder.path()).ends_with(" is a folder"));
        assert!(what(&folder.path().join("none.py")).starts_with("there is no program "));
        assert!(what(&compiled).ends_with("is a compiled one"));
    }
}
