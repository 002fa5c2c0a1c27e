//! Files that workloads read: written once, long before a clock starts, and kept for the next time.
//!
//! Holds: a file under its own name is complete; what its name says decides its bytes, on every machine.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use millstream::{Failure, Result};

/// The folder of generated files.
pub(crate) struct Inputs {
    folder: PathBuf,
}

impl Inputs {
    /// Inputs in `folder`, or else in cargo's target folder, where no version control looks.
    pub(crate) fn in_folder(folder: Option<PathBuf>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => folder,
            None => target_folder()?.join("bench-inputs"),
        };
        fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, error))?;
        Ok(Self { folder })
    }

    /// The folder's path.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file `name`, written by `write` if it is not there. The name must say all that decides the content.
    pub(crate) fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(path);
        }
        eprintln!("writing {} (once)", path.display());
        let partial = self.folder.join(format!("{name}.{}.partial", std::process::id()));
        let made = File::create(&partial).and_then(|file| {
            let mut file = BufWriter::with_capacity(1 << 20, file);
            write(&mut file)?;
            file.flush()?;
            fs::rename(&partial, &path)
        });
        made.map_err(|error| cannot_write(&path, error))?;
        Ok(path)
    }
}

fn cannot_write(path: &Path, error: std::io::Error) -> Failure {
    Failure::external(format!("cannot write {}", path.display()))
        .because(error)
        .advice("inputs take about 1 GB; another folder for them: --inputs FOLDER")
}

/// Two above the program: `target/release/millstream-bench`.
fn target_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::external("where this program lies is not known").because(error))?;
    let folder = program.ancestors().nth(2).map(Path::to_path_buf);
    folder.ok_or_else(|| {
        Failure::user("there is no target folder above this program").advice("--inputs FOLDER")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = Inputs::in_folder(Some(folder.path().join("new"))).unwrap();
        let first = inputs.file("a", |out| out.write_all(b"first")).unwrap();
        let second = inputs.file("a", |out| out.write_all(b"second")).unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::read(second).unwrap(), b"first");
    }

    #[test]
    fn a_file_that_could_not_be_finished_is_not_taken_for_whole() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = Inputs::in_folder(Some(folder.path().to_owned())).unwrap();
        let broken = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("the disk is full"))
        };
        assert!(inputs.file("a", broken).unwrap_err().to_string().contains("cannot write"));
        let again = inputs.file("a", |out| out.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(again).unwrap(), b"whole");
    }
}
