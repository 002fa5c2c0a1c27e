//! Any bytes as a manifest: a bounded run of random bytes, of changed manifests, and of the seeds in `__fuzz__`.

use crate::manifest::{Manifest, ManifestFault, to_envelope};

const SEED: &str = include_str!("../../tests/fixtures/format-1/savepoint-000017/manifest.json");

/// What could be read can be written, and read again.
fn read(text: &[u8]) {
    match Manifest::from_text(text) {
        Ok(manifest) => {
            let again = Manifest::from_text(manifest.to_text().unwrap().as_bytes()).ok().unwrap();
            assert_eq!(again.to_text().unwrap(), manifest.to_text().unwrap());
        }
        Err(ManifestFault::Damaged(why)) => assert!(!why.is_empty()),
        Err(_) => {}
    }
}

#[test]
fn any_bytes_are_a_manifest_or_a_fault() {
    bolero::check!().for_each(|bytes: &[u8]| read(bytes));
}

#[test]
fn a_manifest_that_is_changed_anywhere_is_a_manifest_or_a_fault() {
    bolero::check!().with_type::<(u16, u8, u8, bool)>().for_each(|(at, length, with, is_sealed)| {
        let seed: serde_json::Value = serde_json::from_str(SEED).unwrap();
        let inner = seed["manifest"].to_string();
        let mut text = if *is_sealed { inner } else { SEED.to_owned() }.into_bytes();
        let at = usize::from(*at) % text.len();
        let end = (at + usize::from(*length % 8)).min(text.len());
        text.splice(at..end, [*with]);
        if !*is_sealed {
            return read(&text);
        }
        // A change that its checksum knows of.
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(&text) {
            read(to_envelope("millstream checkpoint", 1, &value).unwrap().as_bytes());
        }
    });
}
