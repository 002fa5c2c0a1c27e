//! Where something is kept, as a user writes it.
//!
//! Answers for telling the kinds of places apart, and their parts. Not for whether anything is there.
//! Holds: what is shown of a location can be parsed again, and gives the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::StorageError;

/// A place: a folder or a file.
///
/// ```
/// use millstream_storage::Location;
/// let location: Location = "s3://flights/2013/delays".parse()?;
/// assert_eq!(location, Location::S3 { bucket: "flights".into(), path: "2013/delays".into() });
/// let location: Location = "file:///var/lib/delays".parse()?;
/// assert_eq!(location, Location::Local("/var/lib/delays".into()));
/// assert!("gs://flights".parse::<Location>().unwrap_err().to_string().contains("there are file:, hdfs://, memory: and s3://"));
/// # Ok::<(), millstream_storage::StorageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// On this machine: a path, or `file:PATH`, `file:///PATH`.
    Local(PathBuf),
    /// In the memory of this process, for tests: `memory:NAME/PATH`. Who opens the same name sees the same.
    Memory {
        /// Which of several.
        name: String,
        /// Within it.
        path: String,
    },
    /// In an object store that speaks S3's protocol: `s3://BUCKET/PATH` (`s3a` and `s3n` are taken for it).
    S3 {
        /// The bucket.
        bucket: String,
        /// Within it.
        path: String,
    },
    /// In HDFS: `hdfs://HOST:PORT/PATH`, or `hdfs://NAME/PATH` with a name service that the settings tell of.
    Hdfs {
        /// The name node, or the name service.
        authority: String,
        /// Within it.
        path: String,
    },
}

impl Location {
    /// Whether a text begins as a location other than a local path does: with a scheme and a colon.
    pub fn has_scheme(text: &str) -> bool {
        scheme(text).is_some()
    }

    /// The place beneath this one.
    #[must_use]
    pub fn join(&self, beneath: &str) -> Self {
        let mut joined = self.clone();
        match &mut joined {
            Self::Local(path) => path.push(beneath),
            Self::Memory { path, .. } | Self::S3 { path, .. } | Self::Hdfs { path, .. } => {
                if !path.is_empty() && !beneath.is_empty() {
                    path.push('/');
                }
                path.push_str(beneath);
            }
        }
        joined
    }

    /// The path, if it is a local one.
    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            _ => None,
        }
    }

    /// The place that this one lies in, and its name there; `None` for the root of a store.
    pub fn parent(&self) -> Option<(Self, String)> {
        let mut parent = self.clone();
        let name = match &mut parent {
            Self::Local(path) => {
                let name = path.file_name()?.to_str()?.to_owned();
                path.pop();
                name
            }
            Self::Memory { path, .. } | Self::S3 { path, .. } | Self::Hdfs { path, .. } => {
                let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
                if name.is_empty() {
                    return None;
                }
                let (above, name) = (above.to_owned(), name.to_owned());
                *path = above;
                name
            }
        };
        Some((parent, name))
    }
}

/// What stands before the colon, if that reads as a scheme, and what stands behind. One letter is a drive, or a name.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other));
    let is_known = ["file", "memory", "s3", "s3a", "s3n", "hdfs"].contains(&scheme);
    (is_scheme && (is_known || rest.starts_with("//"))).then_some((scheme, rest))
}

impl FromStr for Location {
    type Err = StorageError;

    fn from_str(text: &str) -> Result<Self, StorageError> {
        let malformed =
            |reason: &str| StorageError::Malformed { location: text.into(), reason: reason.into() };
        let Some((scheme, rest)) = scheme(text) else {
            return if text.is_empty() {
                Err(malformed("it is empty"))
            } else {
                Ok(Self::Local(text.into()))
            };
        };
        match scheme {
            "file" => match rest.strip_prefix("//") {
                None if rest.is_empty() => Err(malformed("write file:PATH")),
                None => Ok(Self::Local(rest.into())),
                Some(rest) => {
                    let path = rest.strip_prefix("localhost").unwrap_or(rest);
                    let shape = "write file:///PATH, with three slashes: a file is on this machine";
                    if path.starts_with('/') { Ok(Self::Local(path.into())) } else { Err(malformed(shape)) }
                }
            },
            "memory" => {
                let (name, path) = parts(rest).map_err(|reason| malformed(&reason))?;
                Ok(Self::Memory { name, path })
            }
            "s3" | "s3a" | "s3n" | "hdfs" => {
                let is_s3 = scheme != "hdfs";
                let shape = if is_s3 { "s3://BUCKET/PATH" } else { "hdfs://HOST:PORT/PATH" };
                let rest = rest.strip_prefix("//").ok_or_else(|| malformed(&format!("write {shape}")))?;
                let (authority, path) = parts(rest).map_err(|reason| malformed(&reason))?;
                if authority.is_empty() {
                    return Err(malformed(&format!("write {shape}")));
                }
                if authority.contains('@') {
                    // Nothing of it is shown: it may be a secret.
                    let reason = "a user and a password do not belong into it; give them as settings";
                    return Err(StorageError::Malformed {
                        location: format!("{scheme}://..@.."),
                        reason: reason.into(),
                    });
                }
                match is_s3 {
                    true => Ok(Self::S3 { bucket: authority, path }),
                    false => Ok(Self::Hdfs { authority, path }),
                }
            }
            _ => Err(StorageError::UnknownScheme { location: text.into(), scheme: scheme.into() }),
        }
    }
}

/// What stands before the first slash, and the path behind it without slashes at its ends.
fn parts(text: &str) -> Result<(String, String), String> {
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if let Some(odd) = segments.iter().find(|segment| [".", ".."].contains(segment)) {
        return Err(format!("`{odd}` stands for nothing in an object store; write the path out"));
    }
    Ok((authority.to_owned(), segments.join("/")))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority, path) = match self {
            Self::Local(path) => return write!(f, "{}", path.display()),
            Self::Memory { name, path } => ("memory:", name, path),
            Self::S3 { bucket, path } => ("s3://", bucket, path),
            Self::Hdfs { authority, path } => ("hdfs://", authority, path),
        };
        write!(f, "{scheme}{authority}")?;
        if path.is_empty() { Ok(()) } else { write!(f, "/{path}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Location {
        text.parse().unwrap()
    }

    fn message(text: &str) -> String {
        text.parse::<Location>().unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_place_is_told_from_its_text_and_shown_again() {
        for (text, shown) in [
            ("out", "out"),
            ("/var/out", "/var/out"),
            ("file:out", "out"),
            ("file:/var/out", "/var/out"),
            ("file:///var/out", "/var/out"),
            ("file://localhost/var/out", "/var/out"),
            ("a:b/c", "a:b/c"),
            ("at 12:30", "at 12:30"),
            ("memory:test", "memory:test"),
            ("memory:test/a//b/", "memory:test/a/b"),
            ("s3://flights", "s3://flights"),
            ("s3a://flights/2013/", "s3://flights/2013"),
            ("hdfs://name-node:9000/user/out", "hdfs://name-node:9000/user/out"),
        ] {
            assert_eq!(parsed(text).to_string(), shown);
            assert_eq!(parsed(shown), parsed(text));
        }
    }

    #[test]
    fn what_is_no_location_is_said_with_what_would_be_right() {
        assert_eq!(message(""), "`` is no location: it is empty");
        assert_eq!(message("s3:flights"), "`s3:flights` is no location: write s3://BUCKET/PATH");
        assert_eq!(message("hdfs:///out"), "`hdfs:///out` is no location: write hdfs://HOST:PORT/PATH");
        assert_eq!(
            message("file://var/out"),
            "`file://var/out` is no location: write file:///PATH, with three slashes: a file is on this machine"
        );
        let message = message("s3://key:secret@flights/2013");
        assert!(!message.contains("secret") && message.contains("give them as settings"), "{message}");
    }

    #[test]
    fn a_place_has_a_name_in_the_one_above_it() {
        let (above, name) = parsed("s3://flights/2013/delays").parent().unwrap();
        assert_eq!((above.to_string().as_str(), name.as_str()), ("s3://flights/2013", "delays"));
        assert_eq!(above.join("delays"), parsed("s3://flights/2013/delays"));
        assert_eq!(parsed("s3://flights").parent(), None);
    }
}
