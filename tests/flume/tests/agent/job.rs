//! Jobs in the tests' own process that tell what they read.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use millstream::connectors::discard::Discard;
use millstream::connectors::flume::{FlumeEvent, FlumeSource};
use millstream::{CheckpointSettings, JobHandle, StreamEnvironment};

use crate::own_agent::LONG;

pub(crate) struct Job {
    pub(crate) handle: JobHandle,
    pub(crate) told: Receiver<FlumeEvent>,
    _folder: tempfile::TempDir,
}

/// Reads a source, with a checkpoint every 50 ms.
pub(crate) fn start(source: FlumeSource) -> Job {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(50),
        ..CheckpointSettings::in_folder(folder.path())
    });
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    env.source(source)
        .map(move |event: FlumeEvent| {
            let _ = tell.lock().unwrap().send(event.clone());
            event
        })
        .sink_to(Discard::new());
    Job { handle: env.start("flume").unwrap(), told, _folder: folder }
}

impl Job {
    pub(crate) fn next(&self) -> FlumeEvent {
        self.told.recv_timeout(LONG).unwrap()
    }

    /// Reads until all of these bodies have come; those that came twice count once.
    pub(crate) fn await_all(&self, bodies: &BTreeSet<String>) {
        let mut missing = bodies.clone();
        while !missing.is_empty() {
            let body = self.next().text().into_owned();
            assert!(bodies.contains(&body), "{body} was never sent");
            missing.remove(&body);
        }
    }

    pub(crate) fn cancel(self) {
        self.handle.cancel();
        let _ = self.handle.wait();
    }
}

/// Bodies with numbers.
pub(crate) fn bodies(name: &str, numbers: std::ops::Range<u32>) -> BTreeSet<String> {
    numbers.map(|n| format!("{name} {n:06}")).collect()
}
