//! The client of HDFS, which speaks Hadoop's protocol natively: no Java, no libhdfs.
//!
//! Who asks is told by HADOOP_USER_NAME, or is the user of this process.

use hdfs_native::{Client, ClientBuilder};
use hdfs_native_object_store::HdfsObjectStore;
use millstream_model::error::Failure;

use crate::calls::runtime;
use crate::error::StorageError;
use crate::location::Location;
use crate::settings::{HDFS_CONF_DIR, HDFS_NAME_SERVICES, StorageSettings};

/// A client for one name node or name service.
pub(crate) fn client(
    location: &Location,
    authority: &str,
    settings: &StorageSettings,
) -> Result<HdfsObjectStore, StorageError> {
    native(location, authority, settings).map(HdfsObjectStore::new)
}

fn native(location: &Location, authority: &str, settings: &StorageSettings) -> Result<Client, StorageError> {
    let wrong = |reason: String| StorageError::Settings { location: location.to_string(), reason };
    let of = |failure: Failure| wrong(failure.to_string());
    let services = settings.values().get(&HDFS_NAME_SERVICES).map_err(of)?.unwrap_or_default();
    let services = name_services(&services).map_err(wrong)?;
    let mut builder = ClientBuilder::new()
        .with_url(format!("hdfs://{authority}"))
        .with_io_runtime(runtime()?)
        .with_config(services);
    if let Some(folder) = settings.values().get(&HDFS_CONF_DIR).map_err(of)? {
        builder = builder.with_config_dir(folder);
    }
    builder.build().map_err(|error| {
        wrong(format!(
            "{error}; write hdfs://HOST:PORT/PATH, or name the service's name nodes in hdfs.name-services or in the files \
             of HADOOP_CONF_DIR"
        ))
    })
}

/// Hadoop's own settings for `NAME=HOST:PORT,HOST:PORT;NAME=..`.
fn name_services(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    for service in text.split(';').map(str::trim).filter(|service| !service.is_empty()) {
        let shape = || format!("hdfs.name-services has `{service}`, and must be NAME=HOST:PORT,HOST:PORT");
        let (name, nodes) = service.split_once('=').ok_or_else(shape)?;
        let nodes: Vec<&str> = nodes.split(',').map(str::trim).collect();
        let is_address = |node: &&str| {
            node.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if name.trim().is_empty() || !nodes.iter().all(is_address) {
            return Err(shape());
        }
        let name = name.trim();
        let names: Vec<String> = (1..=nodes.len()).map(|number| format!("nn{number}")).collect();
        settings.push((format!("dfs.ha.namenodes.{name}"), names.join(",")));
        settings.extend(
            names
                .iter()
                .zip(nodes)
                .map(|(node, at)| (format!("dfs.namenode.rpc-address.{name}.{node}"), at.to_owned())),
        );
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_nodes_of_a_service_become_hadoops_settings() {
        let settings = name_services("flights=one:8020, two:8020").unwrap();
        let expected = [
            ("dfs.ha.namenodes.flights", "nn1,nn2"),
            ("dfs.namenode.rpc-address.flights.nn1", "one:8020"),
            ("dfs.namenode.rpc-address.flights.nn2", "two:8020"),
        ];
        assert_eq!(settings, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_service_without_addresses_is_refused_with_the_right_shape() {
        for text in ["flights", "flights=one", "=one:8020", "flights=one:port"] {
            let error = name_services(text).unwrap_err();
            assert!(error.ends_with("must be NAME=HOST:PORT,HOST:PORT"), "{error}");
        }
    }

    #[test]
    fn a_name_that_no_setting_tells_of_is_refused_with_what_to_do() {
        let error =
            crate::Storage::open_with("hdfs://flights/out", &StorageSettings::new()).unwrap_err().to_string();
        assert!(error.starts_with("`hdfs://flights/out` cannot be opened: "), "{error}");
        assert!(error.contains("hdfs.name-services"), "{error}");
    }
}
