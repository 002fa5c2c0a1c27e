//! From a location to a place: the client of each kind.
//!
//! Answers for which client is made with which settings. Not for their wire protocols.
//! Holds: opening asks no server; a secret goes into the client and nowhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::memory::InMemory;

use crate::calls::Calls;
use crate::error::StorageError;
use crate::location::Location;
use crate::objects::{Kind, Objects};
use crate::settings::StorageSettings;
use crate::storage::{Place, Storage};

pub(crate) fn open(location: &Location, settings: &StorageSettings) -> Result<Storage, StorageError> {
    let objects = match location {
        Location::Local(folder) => return Ok(Storage::local(folder)),
        Location::Memory { name, path } => {
            let store = memory(name);
            Objects::new(store.clone(), Kind::Memory, path.clone(), Calls::here()).with_parts(store)
        }
        Location::S3 { bucket, path } => s3(location, bucket, path, settings)?,
        Location::Hdfs { authority, path } => hdfs(location, authority, path, settings)?,
    };
    Ok(Storage::of(&location.to_string(), Place::Objects(objects)))
}

/// The store of this name in this process.
fn memory(name: &str) -> Arc<InMemory> {
    static STORES: Mutex<BTreeMap<String, Arc<InMemory>>> = Mutex::new(BTreeMap::new());
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    stores.entry(name.to_owned()).or_default().clone()
}

#[cfg(any(feature = "s3", feature = "hdfs"))]
fn on_network(settings: &StorageSettings) -> Calls {
    Calls { on_network: true, timeout: settings.timeout(), patience: settings.patience(), stop: None }
}

/// The client for a bucket or a name node: one that was made before, if the settings are the same, since each has
/// connections of its own.
#[cfg(any(feature = "s3", feature = "hdfs"))]
fn shared<C: Clone>(
    clients: &Mutex<Vec<(String, C)>>,
    root: &str,
    settings: &StorageSettings,
    make: impl FnOnce() -> Result<C, StorageError>,
) -> Result<C, StorageError> {
    /// As many as a program talks to at once, and some more.
    const MOST: usize = 32;
    let key = format!("{root} {}", settings.told_apart());
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = clients.iter().find(|(known, _)| *known == key) {
        return Ok(client.clone());
    }
    let client = make()?;
    if clients.len() == MOST {
        clients.remove(0);
    }
    clients.push((key, client.clone()));
    Ok(client)
}

#[cfg(feature = "s3")]
fn s3(
    location: &Location,
    bucket: &str,
    path: &str,
    settings: &StorageSettings,
) -> Result<Objects, StorageError> {
    static CLIENTS: Mutex<Vec<(String, Arc<object_store::aws::AmazonS3>)>> = Mutex::new(Vec::new());
    let make = || crate::s3::client(location, bucket, settings).map(Arc::new);
    let store = shared(&CLIENTS, bucket, settings, make)?;
    Ok(Objects::new(store.clone(), Kind::Tagged, path.to_owned(), on_network(settings)).with_parts(store))
}

#[cfg(feature = "hdfs")]
fn hdfs(
    location: &Location,
    authority: &str,
    path: &str,
    settings: &StorageSettings,
) -> Result<Objects, StorageError> {
    static CLIENTS: Mutex<Vec<(String, Arc<hdfs_native_object_store::HdfsObjectStore>)>> =
        Mutex::new(Vec::new());
    let make = || crate::hdfs::client(location, authority, settings).map(Arc::new);
    let store = shared(&CLIENTS, authority, settings, make)?;
    Ok(Objects::new(store, Kind::Renaming, path.to_owned(), on_network(settings)))
}

#[cfg(not(feature = "s3"))]
fn s3(location: &Location, _: &str, _: &str, _: &StorageSettings) -> Result<Objects, StorageError> {
    Err(StorageError::NotBuiltIn { location: location.to_string(), feature: "s3" })
}

#[cfg(not(feature = "hdfs"))]
fn hdfs(location: &Location, _: &str, _: &str, _: &StorageSettings) -> Result<Objects, StorageError> {
    Err(StorageError::NotBuiltIn { location: location.to_string(), feature: "hdfs" })
}
