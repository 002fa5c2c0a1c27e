//! The folder in which fetched servers are kept: `MILLSTREAM_SERVICES`, or `~/.cache/millstream/services`.
//!
//! Answers for each version being fetched once, whoever asks at the same time. Not for what is in it.
//! Holds: a folder of the cache is whole; one that is being fetched has another name, and is left by nobody.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::services::Service;

/// A server's files in the cache.
pub(crate) struct Fetched {
    /// The folder; not to be written to.
    pub(crate) folder: PathBuf,
}

/// The files of a server, fetched first if they are not there.
pub(crate) fn fetched(service: &dyn Service) -> Result<Fetched> {
    let cache = folder()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let name = format!("{}-{}", service.name(), service.version()?);
    let (folder, part) = (cache.join(&name), cache.join(format!("{name}.part")));
    let lock = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
    lock.lock().context("cannot wait for another fetch")?;
    if !folder.exists() {
        if part.exists() {
            fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
        }
        fs::create_dir(&part).with_context(|| format!("cannot make {}", part.display()))?;
        let start = Instant::now();
        eprintln!("services: fetching {name}");
        service.fetch(&part).with_context(|| format!("{name} could not be fetched"))?;
        fs::rename(&part, &folder).with_context(|| format!("cannot rename {}", part.display()))?;
        eprintln!("services: {name} is in {} after {:.0} s", folder.display(), start.elapsed().as_secs_f64());
    }
    Ok(Fetched { folder })
}

fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("MILLSTREAM_SERVICES") {
        return Ok(PathBuf::from(folder));
    }
    let home = std::env::home_dir()
        .context("there is no home folder to keep servers in: set MILLSTREAM_SERVICES")?;
    Ok(home.join(".cache/millstream/services"))
}
