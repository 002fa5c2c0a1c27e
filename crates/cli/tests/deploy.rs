//! The files of `deploy/` name things that there are.
//!
//! Whether a cluster of theirs runs is not seen here: that takes a systemd or a Kubernetes of one's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what is no `#[test]` itself is called by tests only")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn file(name: &str) -> String {
    let path = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The command knows each of these arguments, and takes their values.
fn assert_known(arguments: &[String]) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_millstream")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_argument_that_is_not_there_would_be_found() {
    let wrong = ["worker", "--slotz", "2", "--help"];
    assert!(!Command::new(env!("CARGO_BIN_EXE_millstream")).args(wrong).output().unwrap().status.success());
}

#[test]
fn units_start_commands_that_there_are() {
    let variables = [
        ("${MILLSTREAM_LISTEN}", "10.0.0.1"),
        ("${MILLSTREAM_HA}", "s3://bucket/cluster"),
        ("${MILLSTREAM_MANAGERS}", "10.0.0.1:7071,10.0.0.2:7071"),
        ("${MILLSTREAM_SLOTS}", "4"),
        ("%H", "machine-1"),
    ];
    for (service, command) in [("jobmanager", "jobmanager"), ("worker", "worker")] {
        let unit = file(&format!("systemd/millstream-{service}.service"));
        let (mut section, mut keys) = (String::new(), BTreeMap::new());
        for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(name) => section = name.to_owned(),
                None => {
                    let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{service}: {line}"));
                    keys.insert(format!("{section}/{key}"), value.to_owned());
                }
            }
        }
        for key in ["Unit/Description", "Service/User", "Service/Restart", "Install/WantedBy"] {
            assert!(keys.contains_key(key), "{service} lacks {key}");
        }
        let mut line = keys["Service/ExecStart"].clone();
        for (name, value) in variables {
            line = line.replace(name, value);
        }
        assert!(!line.contains(['$', '%']), "a variable that nobody gives: {line}");
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!((words[0].as_str(), words[1].as_str()), ("/usr/local/bin/millstream", command));
        assert_known(&words[1..]);
    }
}

#[test]
fn manifests_are_whole_and_start_commands_that_there_are() {
    let text = file("kubernetes/millstream.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let kinds: Vec<&str> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    let expected = ["Namespace", "Service", "Service", "StatefulSet", "Deployment", "NetworkPolicy"];
    assert_eq!(kinds, expected);
    let mut selected = BTreeSet::new();
    for document in &documents {
        assert!(document["apiVersion"].is_string() && document["metadata"]["name"].is_string(), "{document}");
        let spec = &document["spec"];
        let Some(containers) = spec["template"]["spec"]["containers"].as_array() else {
            selected.extend(spec["selector"]["app"].as_str());
            continue;
        };
        let labels = &spec["template"]["metadata"]["labels"];
        assert_eq!(spec["selector"]["matchLabels"]["app"], labels["app"], "{document}");
        assert_eq!(labels["part"], "cluster", "the policy is for it");
        let pod = &spec["template"]["spec"];
        let volumes: BTreeSet<&str> = pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|volume| volume["name"].as_str().unwrap())
            .collect();
        for container in containers.iter().chain(pod["initContainers"].as_array().unwrap()) {
            for mount in container["volumeMounts"].as_array().unwrap() {
                assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount}");
            }
        }
        let arguments = containers[0]["args"].as_array().unwrap().iter();
        let arguments: Vec<String> = arguments.map(|word| word.as_str().unwrap().to_owned()).collect();
        assert_known(&arguments);
        if let Some(place) = arguments.iter().position(|word| word == "--manager") {
            let service = documents[3]["spec"]["serviceName"].as_str().unwrap();
            for address in arguments[place + 1].split(',') {
                assert!(address.contains(&format!(".{service}.")), "{address} is no name of {service}");
            }
        }
    }
    assert_eq!(selected, BTreeSet::from(["millstream-jobmanager"]));
}
