//! Finding the files that a path means.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use millstream_formats::compression::Compression;
use millstream_model::error::{Failure, Result};
use millstream_storage::{Location, Storage};

use super::places::{Given, Places};

/// A file, and its length where finding it has told that.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) length: Option<u64>,
}

/// The files of `path` in the order of their names; may be none for a folder or a pattern.
pub(super) fn files(path: &str, places: &Places) -> Result<Vec<Found>> {
    match Given::of(path)? {
        Given::Remote(location) => remote(path, &location, places),
        Given::Local(path) => {
            let found = local(&path)?;
            found.iter().map(|file| Ok(Found { name: name_of(file)?, length: None })).collect()
        }
    }
}

fn local(path: &str) -> Result<Vec<PathBuf>> {
    let place = Path::new(path);
    let mut found = if place.is_dir() {
        let entries = fs::read_dir(place).map_err(|error| unreadable(path, error))?;
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(path, error))?;
        entries.into_iter().map(|entry| entry.path()).filter(|path| is_shown(path)).collect()
    } else if is_pattern(path) && !place.exists() {
        let paths = glob::glob(path).map_err(|error| no_pattern(path, error))?;
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

/// Files elsewhere: of a folder those right in it, of a pattern all that it matches.
fn remote(path: &str, location: &Location, places: &Places) -> Result<Vec<Found>> {
    let text = location.to_string();
    if let Some(at) = text.find(['*', '?', '[']) {
        // All below the last folder that is named outright.
        let folder = &text[..text[..at].rfind('/').unwrap_or(0)];
        let pattern = glob::Pattern::new(&text).map_err(|error| no_pattern(path, error))?;
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let below = shown(&places.open(&folder.parse()?)?, true)?;
        return Ok(below.into_iter().filter(|file| pattern.matches_with(&file.name, options)).collect());
    }
    if let Some((_, name)) = location.parent() {
        let (folder, _) = places.file(location)?;
        match folder.head(&name) {
            Ok(entry) => return Ok(vec![Found { name: text, length: Some(entry.size) }]),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let place = places.open(location)?;
    let found = shown(&place, false)?;
    if found.is_empty() && place.list("")?.is_empty() {
        return Err(Failure::user(format!("`{path}` does not exist"))
            .advice("in a store without folders one is there as soon as a file is in it"));
    }
    Ok(found)
}

/// The files of a place, but for those that are hidden or being written.
fn shown(place: &Storage, deep: bool) -> Result<Vec<Found>> {
    let entries = if deep { place.list("")? } else { place.list_folder("")? };
    // What Hadoop's own tools are copying has a name of this kind.
    let is_whole = |name: &str| !name.ends_with("._COPYING_");
    let is_shown = |name: &&str| !name.starts_with(['.', '_']) && is_whole(name);
    let entries = entries.into_iter().filter(|entry| entry.name.split('/').all(|part| is_shown(&part)));
    let found = entries.map(|entry| Found { name: place.full_name(&entry.name), length: Some(entry.size) });
    Ok(found.collect())
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn no_pattern(path: &str, error: glob::PatternError) -> Failure {
    Failure::user(format!("`{path}` is no pattern of paths"))
        .because(error)
        .advice("* stands for any characters of a name, ? for one, ** for folders, [a-z] for a set")
}

/// The files at `path` in the order of their names: a file, those of a folder, or those that a pattern with `*`, `?`, `[]`
/// or `**` matches; in the latter two, names that begin with `.` or `_` are left out. A path may be a location such as
/// `s3://bucket/2013/*.csv`.
///
/// # Errors
/// If there is none, or they cannot be found out.
pub fn found(path: &str) -> Result<Vec<String>> {
    Ok(some(path, &Places::default())?.into_iter().map(|file| file.name).collect())
}

/// The same, each with its length in bytes.
///
/// # Errors
/// As [`found`]; if a file may not be read.
pub fn sized(path: &str) -> Result<Vec<(String, u64)>> {
    let files = some(path, &Places::default())?;
    files.into_iter().map(|file| Ok((file.name.clone(), length_of(&file)?))).collect()
}

/// At least one file.
pub(super) fn some(path: &str, places: &Places) -> Result<Vec<Found>> {
    match files(path, places)? {
        files if files.is_empty() => Err(nothing_found(path)),
        files => Ok(files),
    }
}

/// All bytes of a file, behind the compression that its name tells of.
///
/// # Errors
/// If it cannot be read.
pub fn bytes(path: &str) -> Result<Vec<u8>> {
    let fail = |error| unreadable(path, error);
    let mut bytes = Vec::new();
    let mut input = match Given::of(path)? {
        Given::Local(path) => {
            let file = fs::File::open(&path).map_err(fail)?;
            Compression::of(Path::new(&path)).open(file).map_err(fail)?
        }
        Given::Remote(location) => {
            let (folder, name) = Places::default().file(&location)?;
            Compression::of(Path::new(path)).open(folder.reader(&name, 0, None)?).map_err(fail)?
        }
    };
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
pub(super) fn length_of(file: &Found) -> Result<u64> {
    if let Some(length) = file.length {
        return Ok(length);
    }
    let metadata = fs::File::open(&file.name).and_then(|file| file.metadata());
    Ok(metadata.map_err(|error| unreadable(&file.name, error))?.len())
}

/// That there is no file where some should be.
pub(super) fn nothing_found(path: &str) -> Failure {
    let what = if Path::new(path).is_dir() || (Location::has_scheme(path) && !is_pattern(path)) {
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
