//! What is logged inside of a subtask says where.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use millstream::StreamEnvironment;
use millstream::connectors::discard::Discard;
use serde_json::Value;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_event_in_a_function_belongs_to_job_operator_subtask_and_attempt() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).init();
    let env = StreamEnvironment::new();
    let says = |n: u64| {
        tracing::info!(number = n, "seen");
        n
    };
    env.from_sequence(1, 3).rebalance().map(says).name("look").sink_to(Discard::new());
    env.execute("spoken").unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen: Vec<Value> = events.filter(|event| event["message"] == "seen").collect();
    assert_eq!(seen.len(), 3, "{text}");
    for event in seen {
        let span = &event["span"];
        assert_eq!(span["job"], "spoken", "{event}");
        assert_eq!((&span["operator"], &span["attempt"]), (&"look".into(), &1.into()), "{event}");
        assert!(span["subtask"].as_str().unwrap().starts_with("1/"), "{event}");
    }
}
