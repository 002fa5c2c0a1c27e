//! A file, opened for whoever knows what is in it.
//!
//! Answers for local paths and places elsewhere alike, for compression, and for noticing that a file has shrunk or was
//! replaced. Not for what the bytes mean.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use millstream_formats::compression::Compression;
use millstream_formats::file::{Input, Stream};
use millstream_model::error::{Failure, Result};
use millstream_storage::{Location, Reader, Storage};

use super::ahead::Ahead;
use super::find::unreadable;
use super::places::{Given, Places};

/// A file by its name, wherever it lies.
pub(super) struct FileInput {
    name: Arc<str>,
    way: Way,
}

enum Way {
    /// On this machine; opened once for reading in places.
    Local { path: String, file: OnceLock<File> },
    /// In a place elsewhere, with its version when it was first asked for.
    Remote { place: Storage, name: String, seen: OnceLock<(u64, Option<String>)> },
}

impl FileInput {
    /// Opens nothing yet.
    pub(super) fn of(path: &str, places: &Places) -> Result<Self> {
        let way = match Given::of(path)? {
            Given::Local(path) => Way::Local { path, file: OnceLock::new() },
            Given::Remote(location) => Self::remote(&location, places)?,
        };
        Ok(Self { name: path.into(), way })
    }

    fn remote(location: &Location, places: &Places) -> Result<Way> {
        let (place, name) = places.file(location)?;
        Ok(Way::Remote { place, name, seen: OnceLock::new() })
    }

    fn compression(&self) -> Compression {
        Compression::of(Path::new(&*self.name))
    }
}

/// A file of this machine, as it lies there.
struct Here {
    file: File,
    /// How many bytes there were still to be when the file was found.
    left: u64,
}

impl Read for Here {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(into)?;
        if read == 0 && self.left > 0 && !into.is_empty() {
            let what = format!("it ends {} bytes sooner than when it was found", self.left);
            return Err(std::io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl Stream for Here {}

/// The bytes of a file elsewhere, which come as they come.
struct There(Reader);

impl Read for There {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Stream for There {
    fn wait(&mut self, patience: Duration) -> bool {
        self.0.wait(patience)
    }
}

impl Input for FileInput {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn stream(&self, from: u64, end: Option<u64>) -> Result<Box<dyn Stream>> {
        let compression = self.compression();
        let fail = |error| unreadable(&self.name, error);
        match &self.way {
            Way::Local { path, .. } => {
                let mut file = File::open(path).map_err(fail)?;
                if compression != Compression::Plain {
                    return behind(compression.open(file).map_err(fail)?, &self.name, from);
                }
                let length = file.metadata().map_err(fail)?.len();
                if length < from {
                    return Err(shrunk(&self.name, from, length));
                }
                file.seek(SeekFrom::Start(from)).map_err(fail)?;
                let left = end.map_or(0, |end| end.saturating_sub(from));
                Ok(Box::new(Here { file, left }))
            }
            Way::Remote { place, name, .. } => {
                if compression != Compression::Plain {
                    let input = compression.open(place.reader(name, 0, None)?);
                    return behind(input.map_err(fail)?, &self.name, from);
                }
                let reader = place.reader(name, from, end)?;
                if reader.length() < from {
                    return Err(shrunk(&self.name, from, reader.length()));
                }
                if let Some(end) = end.filter(|end| reader.length() < *end) {
                    let what = format!(
                        "`{}` had {end} bytes or more when it was found, and now has only {}",
                        self.name,
                        reader.length()
                    );
                    return Err(Failure::user(what).advice(UNCHANGED));
                }
                Ok(Box::new(There(reader)))
            }
        }
    }

    fn length(&self) -> Result<u64> {
        match &self.way {
            Way::Local { path, .. } => {
                let metadata = std::fs::metadata(path);
                Ok(metadata.map_err(|error| unreadable(&self.name, error))?.len())
            }
            Way::Remote { place, name, seen } => match seen.get() {
                Some((length, _)) => Ok(*length),
                None => {
                    let entry = place.head(name)?;
                    Ok(seen.get_or_init(|| (entry.size, entry.tag)).0)
                }
            },
        }
    }

    fn range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let wanted = range.end.saturating_sub(range.start);
        let bytes = match &self.way {
            Way::Local { path, file } => {
                let fail = |error| unreadable(&self.name, error);
                let mut file = match file.get() {
                    Some(file) => file,
                    None => {
                        let opened = File::open(path).map_err(fail)?;
                        file.get_or_init(|| opened)
                    }
                };
                file.seek(SeekFrom::Start(range.start)).map_err(fail)?;
                let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
                file.take(wanted).read_to_end(&mut bytes).map_err(fail)?;
                bytes
            }
            Way::Remote { place, name, .. } => {
                self.length()?;
                let tag = match &self.way {
                    Way::Remote { seen, .. } => seen.get().and_then(|(_, tag)| tag.clone()),
                    Way::Local { .. } => None,
                };
                place.get_range_tagged(name, range.clone(), tag.as_deref())?
            }
        };
        if (bytes.len() as u64) < wanted {
            return Err(shrunk(&self.name, range.end, range.start + bytes.len() as u64));
        }
        Ok(bytes)
    }
}

/// Passes over what was read before.
fn behind(mut input: Box<dyn Read + Send>, path: &str, byte: u64) -> Result<Box<dyn Stream>> {
    let passed = std::io::copy(&mut input.by_ref().take(byte), &mut std::io::sink());
    match passed.map_err(|error| unreadable(path, error))? {
        passed if passed < byte => Err(shrunk(path, byte, passed)),
        _ => Ok(Box::new(Ahead::of(input).map_err(|error| unreadable(path, error))?)),
    }
}

const UNCHANGED: &str =
    "files must not change while a job reads them; start without the checkpoint to read it anew";

fn shrunk(path: &str, byte: u64, length: u64) -> Failure {
    Failure::user(format!("`{path}` was read up to byte {byte} before, and now has only {length} bytes"))
        .advice(UNCHANGED)
}
