//! Finding the files that a path means.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use millstream_formats::compression::Compression;
use millstream_model::error::{Failure, Result};

/// The files of `path` in the order of their names; may be none for a folder or a pattern.
pub(super) fn files(path: &str) -> Result<Vec<PathBuf>> {
    let place = Path::new(path);
    let mut found = if place.is_dir() {
        let entries = fs::read_dir(place).map_err(|error| unreadable(path, error))?;
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(path, error))?;
        entries.into_iter().map(|entry| entry.path()).filter(|path| is_shown(path)).collect()
    } else if path.contains(['*', '?', '[']) && !place.exists() {
        let paths = glob::glob(path).map_err(|error| {
            Failure::user(format!("`{path}` is no pattern of paths"))
                .because(error)
                .advice("* stands for any characters of a name, ? for one, ** for folders, [a-z] for a set")
        })?;
        let paths = paths.collect::<Result<Vec<_>, _>>();
        let paths = paths.map_err(|error| unreadable(path, error.into()))?;
        paths.into_iter().filter(|path| is_shown(path)).collect()
    } else {
        fs::metadata(place).map_err(|error| unreadable(path, error))?;
        vec![place.to_path_buf()]
    };
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}

/// The files at `path` in the order of their names: a file, those of a folder, or those that a pattern with `*`, `?`, `[]`
/// or `**` matches; in the latter two, names that begin with `.` or `_` are left out.
///
/// # Errors
/// If there is none, or they cannot be found out.
pub fn found(path: &str) -> Result<Vec<PathBuf>> {
    match files(path)? {
        files if files.is_empty() => Err(nothing_found(path)),
        files => Ok(files),
    }
}

/// All bytes of a file, behind the compression that its name tells of.
///
/// # Errors
/// If it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let fail = |error| unreadable(&path.display().to_string(), error);
    let mut bytes = Vec::new();
    let mut input = fs::File::open(path).and_then(|file| Compression::of(path).open(file)).map_err(fail)?;
    input.read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// The name of a file as positions, messages and checkpoints have it.
///
/// # Errors
/// If it is not UTF-8.
pub(super) fn name_of(file: &Path) -> Result<String> {
    file.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::user(format!("the name of `{}` is not UTF-8", file.display())).advice("rename it")
    })
}

/// The length of a file that may be read.
///
/// # Errors
/// If it may not, or is not there.
pub(super) fn length_of(name: &str) -> Result<u64> {
    let metadata = fs::File::open(name).and_then(|file| file.metadata());
    Ok(metadata.map_err(|error| unreadable(name, error))?.len())
}

/// That there is no file where some should be.
pub(super) fn nothing_found(path: &str) -> Failure {
    let what = if Path::new(path).is_dir() {
        format!("the folder `{path}` has no file to read")
    } else {
        format!("no file matches `{path}`")
    };
    Failure::user(what).advice(format!(
        "paths are relative to {}; names that begin with . or _ are left out; \
         a stream waits for files that come later with .watch(interval)",
        std::env::current_dir()
            .map_or_else(|_| "the working folder".to_owned(), |at| at.display().to_string())
    ))
}

/// That a file or folder cannot be read.
pub(super) fn unreadable(path: &str, error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::user(format!("`{path}` does not exist")).because(error).advice(format!(
                "paths are relative to {}",
                std::env::current_dir()
                    .map_or_else(|_| "the working folder".to_owned(), |at| at.display().to_string())
            ))
        }
        std::io::ErrorKind::PermissionDenied => {
            Failure::user(format!("`{path}` may not be read by this user")).because(error).advice(
                "give this user the right to read it (chmod, chown), or run the program as one who has it",
            )
        }
        _ => Failure::external(format!("cannot read `{path}`")).because(error),
    }
}

fn is_shown(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_none_or(|name| !name.starts_with(['.', '_']))
}
