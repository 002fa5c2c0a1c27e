//! Finding the files that a path means.

use std::fs;
use std::path::{Path, PathBuf};

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

/// That there is no file where some should be.
pub(super) fn nothing_found(path: &str) -> Failure {
    let what = if Path::new(path).is_dir() {
        format!("the folder `{path}` has no file to read")
    } else {
        format!("no file matches `{path}`")
    };
    Failure::user(what).advice(format!(
        "paths are relative to {}; names that begin with . or _ are left out; \
         to wait for files that come later: .watch(interval)",
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
            Failure::user(format!("`{path}` may not be read by this user")).because(error)
        }
        _ => Failure::external(format!("cannot read `{path}`")).because(error),
    }
}

fn is_shown(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_none_or(|name| !name.starts_with(['.', '_']))
}
