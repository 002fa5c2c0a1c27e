//! `/metrics`, as Prometheus reads it.
//!
//! Holds: names follow its conventions (base units, `_total` for what only grows); what stands in labels is escaped; a
//! family has its type said once, and all of its samples together.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Desk;
use crate::dispatcher::{JobView, Overview};

pub(super) async fn text(State(desk): State<Desk>) -> Response {
    let jobs = desk.manager.jobs().into_iter().filter(|job| !job.state.is_final());
    let jobs: Vec<JobView> = jobs.filter_map(|job| desk.manager.job(job.id)).collect();
    let text = write(&desk.manager.overview(), &jobs);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

struct Text(String);

impl Text {
    fn family<'a, V: std::fmt::Display>(
        &mut self,
        (name, kind, help): (&str, &str, &str),
        samples: impl IntoIterator<Item = (Vec<(&'a str, String)>, V)>,
    ) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
            let _ = match labels.as_slice() {
                [] => writeln!(self.0, "{name} {value}"),
                labels => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
            };
        }
    }

    fn number(&mut self, family: (&str, &str, &str), value: impl std::fmt::Display) {
        self.family(family, [(Vec::new(), value)]);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn write(overview: &Overview, jobs: &[JobView]) -> String {
    let mut text = Text(String::new());
    text.number(("millstream_workers", "gauge", "Workers that are connected."), overview.workers);
    text.number(("millstream_slots", "gauge", "Slots of all workers."), overview.slots);
    text.number(("millstream_slots_free", "gauge", "Slots that no job has."), overview.slots_free);
    text.number(("millstream_jobs_running", "gauge", "Jobs that have not ended."), overview.jobs_running);
    let of_job =
        |job: &JobView| vec![("job", job.summary.id.to_string()), ("name", job.summary.name.clone())];
    let each = |value: fn(&JobView) -> f64| jobs.iter().map(move |job| (of_job(job), value(job)));
    text.family(
        ("millstream_job_slots", "gauge", "Slots that a job has."),
        each(|job| f64::from(job.summary.slots)),
    );
    text.family(
        ("millstream_job_slots_needed", "gauge", "Slots that a job needs."),
        each(|job| f64::from(job.slots_needed)),
    );
    text.family(
        ("millstream_job_restarts_total", "counter", "Restarts after failures, by the job's last master."),
        each(|job| f64::from(job.restarts)),
    );
    text.family(
        ("millstream_job_master_starts_total", "counter", "Masters of the job that were started."),
        each(|job| job.term as f64),
    );
    text.family(
        ("millstream_job_records_in_flight", "gauge", "Records in channels."),
        each(|job| job.records_in_flight as f64),
    );
    let last = |value: fn(&millstream_runtime::control::CheckpointRecord) -> f64| {
        jobs.iter().filter_map(move |job| {
            let done = job.checkpoints.iter().rev().find(|checkpoint| checkpoint.failure.is_none())?;
            Some((of_job(job), value(done)))
        })
    };
    text.family(
        (
            "millstream_job_last_checkpoint_duration_seconds",
            "gauge",
            "How long the last complete checkpoint took.",
        ),
        last(|checkpoint| checkpoint.duration as f64 / 1000.0),
    );
    text.family(
        (
            "millstream_job_last_checkpoint_alignment_seconds",
            "gauge",
            "The longest that a subtask waited for the barriers of the last complete checkpoint.",
        ),
        last(|checkpoint| checkpoint.alignment as f64 / 1000.0),
    );
    text.family(
        ("millstream_job_last_checkpoint_size_bytes", "gauge", "The state of the last complete checkpoint."),
        last(|checkpoint| checkpoint.bytes as f64),
    );
    operators(&mut text, jobs);
    text.0
}

fn operators(text: &mut Text, jobs: &[JobView]) {
    let each = |value: fn(&crate::dispatcher::OperatorView) -> Option<f64>| {
        jobs.iter().flat_map(move |job| {
            job.operators.iter().filter_map(move |operator| {
                let labels = vec![
                    ("job", job.summary.id.to_string()),
                    ("operator", operator.name.clone()),
                    ("uid", operator.uid.clone()),
                ];
                Some((labels, value(operator)?))
            })
        })
    };
    text.family(
        ("millstream_operator_records_in_total", "counter", "Records that came in, in this attempt."),
        each(|operator| Some(operator.records_in as f64)),
    );
    text.family(
        ("millstream_operator_records_out_total", "counter", "Records that went out, in this attempt."),
        each(|operator| Some(operator.records_out as f64)),
    );
    text.family(
        ("millstream_operator_records_skipped_total", "counter", "Records left out because of an error."),
        each(|operator| Some(operator.records_skipped as f64)),
    );
    text.family(
        ("millstream_operator_bytes_in_total", "counter", "Bytes from other processes, in this attempt."),
        each(|operator| Some(operator.bytes_in as f64)),
    );
    text.family(
        ("millstream_operator_bytes_out_total", "counter", "Bytes to other processes, in this attempt."),
        each(|operator| Some(operator.bytes_out as f64)),
    );
    text.family(
        ("millstream_operator_busy_ratio", "gauge", "Share of its subtasks' time at work."),
        each(|operator| Some(operator.busy)),
    );
    text.family(
        ("millstream_operator_idle_ratio", "gauge", "Share of its subtasks' time waiting for input."),
        each(|operator| Some(operator.idle)),
    );
    text.family(
        ("millstream_operator_backpressured_ratio", "gauge", "Share of its subtasks' time waiting for room."),
        each(|operator| Some(operator.backpressured)),
    );
    text.family(
        ("millstream_operator_watermark_lag_seconds", "gauge", "How far the watermark is behind the clock."),
        each(|operator| operator.watermark_lag.map(|lag| lag as f64 / 1000.0)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_labels_is_escaped() {
        let mut text = Text(String::new());
        text.family(("x_total", "counter", "X."), [(vec![("name", "a \"b\"\n\\".to_owned())], 3)]);
        assert_eq!(
            text.0,
            "# HELP x_total X.\n# TYPE x_total counter\nx_total{name=\"a \\\"b\\\"\\n\\\\\"} 3\n"
        );
    }
}
