//! Programs' binaries, known by their SHA-256.
//!
//! Answers for a folder with a file for each: at the job manager what was uploaded, at a worker what was fetched.
//! Holds: a file that has its name has the content of its name; what comes in pieces that fail leaves nothing.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use millstream_model::error::{Failure, Result};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// A folder of binaries.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

/// A binary that comes in pieces.
#[derive(Debug)]
pub struct Incoming {
    hash: String,
    target: PathBuf,
    file: NamedTempFile,
    digest: Sha256,
}

/// Whether this is how a hash is written: 64 digits, small letters.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash of a file.
///
/// # Errors
/// If it cannot be read.
pub fn hash_of(file: &Path) -> Result<String> {
    let unreadable = |error| Failure::external(format!("{} cannot be read", file.display())).because(error);
    let mut from = File::open(file).map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match from.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(hexadecimal(digest)),
            length => digest.update(&piece[..length]),
        }
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Blobs {
    /// The binaries of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If that is impossible.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| {
            Failure::external(format!("the folder {} cannot be made", folder.display())).because(error)
        })?;
        Ok(Self { folder })
    }

    /// Where this one is, if it is there.
    ///
    /// # Errors
    /// If this is no hash.
    pub fn find(&self, hash: &str) -> Result<Option<PathBuf>> {
        let path = self.path(hash)?;
        Ok(path.is_file().then_some(path))
    }

    /// Begins to take one in.
    ///
    /// # Errors
    /// If this is no hash, or the folder cannot be written to.
    pub fn begin(&self, hash: &str) -> Result<Incoming> {
        let target = self.path(hash)?;
        let file = NamedTempFile::new_in(&self.folder).map_err(|error| self.unwritable(error))?;
        Ok(Incoming { hash: hash.into(), target, file, digest: Sha256::new() })
    }

    /// Bytes of one from `offset` on, and how many it has in all.
    ///
    /// # Errors
    /// If it is not there, or cannot be read.
    pub fn piece(&self, hash: &str, offset: u64, most: usize) -> Result<(Vec<u8>, u64)> {
        let path = self.find(hash)?.ok_or_else(|| {
            Failure::external(format!("there is no program {hash} in {}", self.folder.display()))
        })?;
        let read = || -> std::io::Result<(Vec<u8>, u64)> {
            let mut file = File::open(&path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(most as u64).read_to_end(&mut bytes)?;
            Ok((bytes, length))
        };
        read().map_err(|error| Failure::external(format!("{} cannot be read", path.display())).because(error))
    }

    fn path(&self, hash: &str) -> Result<PathBuf> {
        if !is_hash(hash) {
            return Err(Failure::user(format!("`{hash}` is no SHA-256")).advice("64 digits 0-9, a-f"));
        }
        Ok(self.folder.join(hash))
    }

    fn unwritable(&self, error: std::io::Error) -> Failure {
        Failure::external(format!("{} cannot be written to", self.folder.display())).because(error)
    }
}

impl Incoming {
    /// The next bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes).map_err(|error| {
            Failure::external("a program cannot be written down").because(error).advice("is the disk full?")
        })
    }

    /// All bytes were there: from now on it is, if they are those of its hash.
    ///
    /// # Errors
    /// If they are not, or cannot be kept.
    pub fn end(self) -> Result<PathBuf> {
        let actual = hexadecimal(self.digest);
        if actual != self.hash {
            return Err(Failure::external(format!("the program {} came with the hash {actual}", self.hash))
                .advice("it changed on its way, or while it was read: send it again"));
        }
        let keep = || -> std::io::Result<()> {
            self.file.as_file().set_permissions(Permissions::from_mode(0o700))?;
            self.file.as_file().sync_all()
        };
        let failed = |error: std::io::Error| Failure::external("a program cannot be kept").because(error);
        keep().map_err(failed)?;
        self.file.persist(&self.target).map_err(|error| failed(error.error))?;
        Ok(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn what_came_whole_is_there_and_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::in_folder(folder.path().join("deep/er")).unwrap();
        let mut incoming = blobs.begin(HELLO).unwrap();
        incoming.take(b"hel").unwrap();
        assert_eq!(blobs.find(HELLO).unwrap(), None);
        incoming.take(b"lo").unwrap();
        let path = incoming.end().unwrap();
        assert_eq!(blobs.find(HELLO).unwrap().as_deref(), Some(path.as_path()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(hash_of(&path).unwrap(), HELLO);
        assert_eq!(blobs.piece(HELLO, 1, 3).unwrap(), (b"ell".to_vec(), 5));
    }

    #[test]
    fn what_changed_on_its_way_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::in_folder(folder.path()).unwrap();
        let mut incoming = blobs.begin(HELLO).unwrap();
        incoming.take(b"hullo").unwrap();
        let text = incoming.end().unwrap_err().to_string();
        assert!(text.starts_with(&format!("the program {HELLO} came with the hash ")), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_that_is_no_hash_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::in_folder(folder.path()).unwrap();
        for wrong in ["", "../../etc/passwd", &HELLO.to_uppercase(), &HELLO[1..]] {
            let text = blobs.find(wrong).unwrap_err().to_string();
            assert_eq!(text, format!("`{wrong}` is no SHA-256\n  64 digits 0-9, a-f"));
        }
    }
}
