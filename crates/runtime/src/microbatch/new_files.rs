//! The files that appear in a folder, on this machine, in S3 or in HDFS.
//!
//! Holds: a name is read once, as long as it stays in the folder; names that were there at the start are not read.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_storage::{Location, Storage};

use super::given::Taken;
use super::input::{Input, Logged, ReceiverEvents};

/// Takes the new files of a batch.
type Deliver = Box<dyn Fn(Timestamp, &[PathBuf]) -> Result<()> + Send + Sync>;

/// A folder that is looked into at each batch time.
pub struct NewFiles {
    folder: PathBuf,
    deliver: Deliver,
    looked: Mutex<Looked>,
}

#[derive(Default)]
struct Looked {
    /// The names that were there when the folder was last looked into, if it was.
    seen: Option<BTreeSet<OsString>>,
    /// The names that were new then.
    new: Vec<OsString>,
}

impl NewFiles {
    /// The files of `folder`, a path or a location; `deliver` gets the paths of those that are new, in order.
    pub fn new(
        folder: PathBuf,
        deliver: impl Fn(Timestamp, &[PathBuf]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { folder, deliver: Box::new(deliver), looked: Mutex::default() }
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of the files in the folder; those that begin with `.` or `_` are still being written.
    fn names(&self) -> Result<BTreeSet<OsString>> {
        let unreadable = |error: std::io::Error| {
            let failure = Failure::external(format!("cannot read the folder {}", self.folder.display()));
            failure.because(error).advice(
                "a text file stream needs a folder that is there before the start and stays; \
                 a relative path begins at the folder the program runs in",
            )
        };
        if let Some(location) = self.folder.to_str().filter(|folder| Location::has_scheme(folder)) {
            return elsewhere(location);
        }
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".")
                && !name.as_encoded_bytes().starts_with(b"_")
                && entry.path().is_file()
            {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

/// The names of the files at a location. Where there are no folders, one without files is there as well.
fn elsewhere(location: &str) -> Result<BTreeSet<OsString>> {
    let entries = Storage::open(location)?.list_folder("")?;
    // In HDFS a file has no bytes before it is closed; what Hadoop's own tools are copying has a name of this kind.
    let is_whole = |name: &str| !name.starts_with(['.', '_']) && !name.ends_with("._COPYING_");
    let whole = entries.into_iter().filter(|entry| entry.size > 0 && is_whole(&entry.name));
    Ok(whole.map(|entry| entry.name.into()).collect())
}

impl NewFiles {
    /// The files that are new.
    fn look(&self) -> Result<Vec<PathBuf>> {
        let names = self.names()?;
        let mut looked = self.looked();
        let seen = looked.seen.take().unwrap_or_default();
        looked.new = names.difference(&seen).cloned().collect();
        // A name that has gone is forgotten, so that the list does not grow with time.
        looked.seen = Some(names);
        let files: Vec<_> = looked.new.iter().map(|name| self.folder.join(name)).collect();
        tracing::debug!(folder = %self.folder.display(), files = files.len(), "new files of the batch");
        Ok(files)
    }
}

impl Input for NewFiles {
    fn name(&self) -> String {
        format!("the files that appear in {}", self.folder.display())
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        let names = self.names()?;
        self.looked().seen.get_or_insert(names);
        Ok(())
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        let files = self.look()?;
        (self.deliver)(time, &files)?;
        Ok(0)
    }

    fn take(&self, _: Timestamp) -> Result<Taken> {
        self.look().map(|_| Taken::default())
    }

    fn log(&self) -> Logged {
        let looked = self.looked();
        let written = |name: &OsString| escaped(name);
        let position = looked.seen.iter().flatten().map(written).collect();
        Logged { position, batch: looked.new.iter().map(written).collect() }
    }

    fn resume(&self, position: &[String]) -> Result<()> {
        self.looked().seen = Some(position.iter().map(|name| unescaped(name)).collect());
        Ok(())
    }

    fn again(&self, time: Timestamp, batch: &[String]) -> Result<()> {
        let files: Vec<_> = batch.iter().map(|name| self.folder.join(unescaped(name))).collect();
        (self.deliver)(time, &files)
    }
}

/// A name as text: percent signs, and bytes that are no UTF-8, by their number.
fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// The name that was [`escaped`].
#[cfg(unix)]
fn unescaped(text: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt;

    let (mut bytes, mut parts) = (Vec::new(), text.split('%'));
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let number = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(number);
        bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
    }
    OsString::from_vec(bytes)
}

/// The name that was [`escaped`]: elsewhere than on Unix, names are text.
#[cfg(not(unix))]
fn unescaped(text: &str) -> OsString {
    text.replace("%25", "%").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_can_be_written_down() {
        #[cfg(unix)]
        let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"100%\xff.txt");
        #[cfg(not(unix))]
        let odd: &OsStr = "100%.txt".as_ref();
        for name in [odd, "part-1 \u{e9}".as_ref()] {
            assert_eq!(unescaped(&escaped(name)), name);
        }
    }
}
