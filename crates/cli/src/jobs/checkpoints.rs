//! `checkpoints FOLDER`: what lies in a folder, by its manifests.

use std::path::Path;

use millstream_model::error::{Failure, Result};
use millstream_state::{CheckpointStore, Manifest, OperatorEntry, StoreError};
use serde_json::{Value, json};

use super::Form;
use super::show::{self, moment, size};

/// Shows each checkpoint with its operators and their states.
pub(super) fn of_folder(folder: &Path, form: Form) -> Result<()> {
    if !folder.is_dir() {
        return Err(Failure::user(format!("{} is neither a job nor a folder", folder.display()))
            .advice("a job is called job-1, job-2, ...: millstream list"));
    }
    let unreadable = |error: StoreError| {
        Failure::user(format!("the checkpoints in {} cannot be read", folder.display())).because(error)
    };
    let store = CheckpointStore::open_to_read(folder).map_err(unreadable)?;
    let mut all = Vec::new();
    for name in store.list().map_err(unreadable)? {
        all.push((name.to_string(), store.named(&name.to_string())));
    }
    if form == Form::Json {
        let values: Vec<Value> = all.iter().map(|(name, manifest)| value(name, manifest)).collect();
        return show::json(&values);
    }
    if all.is_empty() {
        show::print(&format!("no checkpoint in {}", folder.display()));
    }
    for (name, manifest) in &all {
        show::print(&in_words(name, manifest));
    }
    Ok(())
}

/// Name, type, bytes, entries.
fn states(operator: &OperatorEntry) -> Vec<(String, String, u64, u64)> {
    let keyed = operator.keyed.iter().map(|state| {
        let text = serde_json::to_value(&state.meta).unwrap_or_default();
        let field = |name: &str| text[name].as_str().unwrap_or_default().to_owned();
        (field("name"), field("kind"), state.bytes, state.entries)
    });
    let plain = operator.operator.iter().map(|state| {
        let entries = state.files.iter().flat_map(|file| &file.entries);
        let (bytes, count) = entries.fold((0, 0), |(bytes, count), place| (bytes + place.length, count + 1));
        (state.name.clone(), "operator".to_owned(), bytes, count)
    });
    keyed.chain(plain).collect()
}

fn value(name: &str, manifest: &Result<Manifest, StoreError>) -> Value {
    match manifest {
        Err(error) => json!({ "checkpoint": name, "error": error.to_string() }),
        Ok(manifest) => {
            let operators: Vec<Value> = manifest.operators.iter().map(operator_value).collect();
            json!({
                "checkpoint": name, "job": manifest.job.name, "begun": manifest.time, "operators": operators,
                "committables": manifest.committables.len(),
            })
        }
    }
}

fn operator_value(operator: &OperatorEntry) -> Value {
    let state = |(name, kind, bytes, entries): (String, String, u64, u64)| json!({ "name": name, "kind": kind, "bytes": bytes, "entries": entries });
    json!({
        "uid": operator.uid, "name": operator.name, "parallelism": operator.parallelism,
        "states": states(operator).into_iter().map(state).collect::<Vec<_>>(),
    })
}

fn in_words(name: &str, manifest: &Result<Manifest, StoreError>) -> String {
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return format!("{name}: {error}"),
    };
    let begun = moment(i64::try_from(manifest.time).unwrap_or(i64::MAX));
    let mut lines = vec![format!("{name} of `{}`, begun {begun} UTC", manifest.job.name)];
    for operator in &manifest.operators {
        let OperatorEntry { name, uid, parallelism, .. } = operator;
        lines.push(format!("  {name} (uid {uid}), parallelism {parallelism}"));
        for (state, kind, bytes, entries) in states(operator) {
            lines.push(format!("    {state}: {kind}, {entries} entries, {}", size(bytes)));
        }
    }
    if !manifest.committables.is_empty() {
        lines.push(format!("  {} staged results of sinks", manifest.committables.len()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_job_nor_folder_is_told_so() {
        let text = of_folder(Path::new("/no/such"), Form::Text).unwrap_err().to_string();
        assert!(text.starts_with("/no/such is neither a job nor a folder"), "{text}");
    }
}
