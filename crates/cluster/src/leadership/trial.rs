//! Whether a store can be agreed over.
//!
//! Some stores do not know conditional writes and say so; others take no notice of the condition, and write. With either two
//! job managers would lead, so both are tried out with a small file before anything is counted on.

use millstream_model::error::{Failure, Result};
use millstream_storage::{ConditionalStore, Outcome, Storage, StorageError, Version};

/// # Errors
/// If it cannot be reached, or does no conditional writes.
pub(super) fn check(place: &Storage) -> Result<()> {
    let name = format!("trial-{}", &crate::secret::fresh()?[..16]);
    let tried = attempt(place, place.name(), &name);
    if let Err(error) = place.delete(&name) {
        tracing::debug!(%error, name, "the file of a trial stays behind");
    }
    tried
}

fn attempt(store: &impl ConditionalStore, place: &str, name: &str) -> Result<()> {
    let unable = |what| unable(place, what);
    let won = |outcome| won(place, outcome);
    let first = won(store.create(name, b"1"))?;
    let first = first.ok_or_else(|| unable("it did not write a new file"))?;
    if won(store.create(name, b"2"))?.is_some() {
        return Err(unable("it wrote a file that was to be written only if there was none"));
    }
    let second = won(store.replace(name, &first, b"3"))?;
    second.ok_or_else(|| unable("it did not write a file that was as it had been read"))?;
    if won(store.replace(name, &first, b"4"))?.is_some() {
        return Err(unable("it wrote a file that was to be written only if it had not changed"));
    }
    Ok(())
}

fn won(place: &str, outcome: std::result::Result<Outcome, StorageError>) -> Result<Option<Version>> {
    match outcome {
        Ok(Outcome::Won(version)) => Ok(Some(version)),
        Ok(Outcome::Lost) => Ok(None),
        Err(error) => {
            let text = error.to_string().to_lowercase();
            let says_so = ["not yet implemented", "notimplemented", "not supported", "status code: 501"];
            match says_so.iter().any(|part| text.contains(part)) {
                true => Err(unable(place, "it says so").because(error)),
                false => Err(error.into()),
            }
        }
    }
}

fn unable(place: &str, what: &str) -> Failure {
    Failure::user(format!("{place} cannot be used for --ha: this store does no conditional writes: {what}"))
        .advice(
            "use a store that does: a local or shared folder, HDFS, or an S3 with If-Match and If-None-Match",
        )
        .advice("without --ha a job manager needs none: it keeps its jobs in --folder")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// One that takes no notice of conditions, or of some.
    struct Careless {
        place: Storage,
        creates: bool,
    }

    impl ConditionalStore for Careless {
        fn create(&self, name: &str, bytes: &[u8]) -> std::result::Result<Outcome, StorageError> {
            if self.creates {
                self.place.delete(name)?;
            }
            self.place.create(name, bytes)
        }

        fn read(&self, name: &str) -> std::result::Result<Option<(Vec<u8>, Version)>, StorageError> {
            self.place.read(name)
        }

        fn replace(
            &self,
            name: &str,
            _: &Version,
            bytes: &[u8],
        ) -> std::result::Result<Outcome, StorageError> {
            self.place.delete(name)?;
            self.place.create(name, bytes)
        }
    }

    /// One that does not know what is asked for.
    struct Unknowing;

    impl ConditionalStore for Unknowing {
        fn create(&self, name: &str, _: &[u8]) -> std::result::Result<Outcome, StorageError> {
            let source = "Operation not yet implemented.".into();
            Err(StorageError::Failed { action: "writing", name: name.into(), tried: Duration::ZERO, source })
        }

        fn read(&self, _: &str) -> std::result::Result<Option<(Vec<u8>, Version)>, StorageError> {
            Ok(None)
        }

        fn replace(
            &self,
            name: &str,
            _: &Version,
            bytes: &[u8],
        ) -> std::result::Result<Outcome, StorageError> {
            self.create(name, bytes)
        }
    }

    #[test]
    fn a_store_that_compares_passes_and_nothing_is_left_of_the_trial() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Storage::open("memory:trial").unwrap(), Storage::local(folder.path())] {
            check(&place).unwrap();
            assert_eq!(place.list("").unwrap(), []);
        }
    }

    #[test]
    fn a_store_without_conditional_writes_is_refused() {
        let careless = |name: &str, creates| Careless { place: Storage::open(name).unwrap(), creates };
        let what = |refused: Result<()>| refused.unwrap_err().to_string();
        let said = what(attempt(&careless("memory:careless", true), "s3://old/ha", "trial"));
        assert!(
            said.starts_with("s3://old/ha cannot be used for --ha: this store does no conditional writes"),
            "{said}"
        );
        assert!(said.contains("only if there was none") && said.contains("If-Match"), "{said}");
        let said = what(attempt(&careless("memory:careless-2", false), "s3://old/ha", "trial"));
        assert!(said.contains("only if it had not changed"), "{said}");
        let said = what(attempt(&Unknowing, "s3://old/ha", "trial"));
        assert!(said.contains("it says so") && said.contains("not yet implemented"), "{said}");
    }
}
