//! Folders that are missing, taken, full or not to be written to.

use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use millstream_model::error::{Fault, Retry};
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;

#[test]
fn a_missing_folder_and_an_empty_one_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert_eq!(
        CheckpointStore::open_to_read(&missing).unwrap_err().to_string(),
        format!(
            "the checkpoint folder {} does not exist; check the path, or start without restoring",
            missing.display()
        )
    );
    let store = CheckpointStore::open(&missing).unwrap();
    assert_eq!(
        store.latest().unwrap_err().to_string(),
        format!(
            "the checkpoint folder {} holds no finished checkpoint; start without restoring",
            missing.display()
        )
    );
    assert_eq!(store.next_id().unwrap(), 1);
}

#[test]
fn a_second_writer_is_refused_with_the_process_that_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = CheckpointStore::open(folder.path()).unwrap();
    let error = CheckpointStore::open(folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the checkpoint folder {} is in use by process {}; stop that job first, or give this one a folder of its own",
            folder.path().display(),
            std::process::id()
        )
    );
    assert_eq!((error.fault(), error.retry()), (Fault::User, Retry::Yes));
    CheckpointStore::open_to_read(folder.path()).unwrap();
    drop(first);
    CheckpointStore::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_unwritable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = CheckpointStore::open(file.join("below")).unwrap_err().to_string();
    let begin = format!("the checkpoint folder {}/below cannot be written to: ", file.display());
    assert!(message.starts_with(&begin), "{message}");
    assert!(message.ends_with("; give the job a folder its user may write to"), "{message}");
}

/// A store whose writes fail as the system says.
#[derive(Debug)]
struct Failing {
    inner: object_store::memory::InMemory,
    kind: io::ErrorKind,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failing({})", self.kind)
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, _: &ObjectPath, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(object_store::Error::Generic { store: "Failing", source: Box::new(io::Error::from(self.kind)) })
    }

    async fn put_multipart_opts(
        &self,
        path: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn failing(kind: io::ErrorKind) -> StoreError {
    let store =
        CheckpointStore::within(Arc::new(Failing { inner: Default::default(), kind }), "store:/delays");
    let error = store.write_manifest(&manifest(CheckpointName::checkpoint(4), 1)).unwrap_err();
    assert!(store.list().unwrap().is_empty());
    error
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let error = failing(io::ErrorKind::StorageFull);
    let message = error.to_string();
    assert!(
        message.starts_with("no space is left for store:/delays/checkpoint-000004/manifest.json: "),
        "{message}"
    );
    assert!(message.ends_with("; make room, a job goes on from its last finished checkpoint"), "{message}");
    assert_eq!((error.fault(), error.retry()), (Fault::External, Retry::Yes));
}

#[test]
fn any_other_refusal_names_the_file_and_the_reason() {
    let message = failing(io::ErrorKind::PermissionDenied).to_string();
    assert_eq!(
        message,
        "writing store:/delays/checkpoint-000004/manifest.json failed: Generic Failing error: permission denied"
    );
}

#[test]
fn an_object_store_without_folders_serves_as_well() {
    let store = CheckpointStore::within(Arc::new(object_store::memory::InMemory::new()), "memory:/");
    for id in 1..4 {
        write(&store, CheckpointName::checkpoint(id), 2, 100);
    }
    store.collect_garbage(1, &[]).unwrap();
    let manifest = store.latest().unwrap();
    assert_eq!(store.list().unwrap(), [manifest.checkpoint]);
    assert_eq!(restored(&store, &manifest, 0, 1).unwrap().len(), 100);
}

#[test]
fn a_place_without_folders_belongs_to_one_job_too() {
    let first = CheckpointStore::open("memory:state-lease/delays").unwrap();
    write(&first, CheckpointName::checkpoint(1), 1, 10);
    let error = CheckpointStore::open("memory:state-lease/delays").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the checkpoint folder memory:state-lease/delays is in use by process {}; stop that job first, or give this one a folder of its own",
            std::process::id()
        )
    );
    assert_eq!((error.fault(), error.retry()), (Fault::User, Retry::Yes));
    assert_eq!(CheckpointStore::open_to_read("memory:state-lease/delays").unwrap().list().unwrap().len(), 1);
    drop(first);
    assert_eq!(CheckpointStore::open("memory:state-lease/delays").unwrap().next_id().unwrap(), 2);
}

#[test]
fn a_manifest_that_another_job_has_written_is_not_replaced() {
    let objects: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
    let store = |name: &str| CheckpointStore::within(objects.clone(), name);
    write(&store("one"), CheckpointName::checkpoint(1), 1, 10);
    let error = store("other").write_manifest(&manifest(CheckpointName::checkpoint(1), 2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest other/checkpoint-000001/manifest.json exists already: another job writes to the same folder; stop \
         that one, or give each a folder of its own"
    );
    assert_eq!(
        store("one").latest().unwrap().operators.len(),
        manifest(CheckpointName::checkpoint(1), 1).operators.len()
    );
}

#[test]
fn a_location_that_cannot_be_opened_says_what_is_missing() {
    let message = CheckpointStore::open("gs://flights/delays").unwrap_err().to_string();
    assert!(message.contains("there are file:, hdfs://, memory: and s3://"), "{message}");
    if !cfg!(feature = "s3") {
        let message = CheckpointStore::open("s3://flights/delays").unwrap_err().to_string();
        assert!(message.contains("build it with the feature `s3`"), "{message}");
    }
}

#[test]
fn state_that_nobody_waits_for_any_more_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let store = CheckpointStore::open(folder.path()).unwrap().given_up_with(over.clone());
    let work = || {
        let mut table = table(0, 1);
        for key in 0..500 {
            table.insert(hash(&key), key, key).unwrap();
        }
        let snapshot =
            OperatorSnapshot { keyed: vec![table.freeze_part(counts_meta())], operator: Vec::new() };
        SubtaskWork { operators: vec![("mean".to_owned(), snapshot)], committables: Vec::new() }
    };
    store.write_subtask(CheckpointName::checkpoint(1), "1-0", work()).unwrap();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = store.write_subtask(CheckpointName::checkpoint(2), "1-0", work()).unwrap_err().to_string();
    assert!(error.ends_with("checkpoint-000002/1-0.state was cancelled"), "{error}");
    assert!(state_file(folder.path(), 1).exists() && !state_file(folder.path(), 2).exists());
}
