//! `list`, `status`, `logs`, `cancel`, `stop`, `savepoint`, `rescale`, `checkpoints`.

use std::time::Duration;

use clap::Args;
use millstream_cluster::dispatcher::{JobId, JobView};
use millstream_cluster::output::Line;
use millstream_model::error::Result;

use super::show::{json, moment, print, size, table};
use super::{Form, OneJob, Shown, Whom, checkpoints};

/// What there is.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// The workers, not the jobs.
    #[arg(long)]
    workers: bool,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    shown: Shown,
}

/// All about a job.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    one: OneJob,
    #[command(flatten)]
    shown: Shown,
}

/// What a job printed.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    #[command(flatten)]
    one: OneJob,
    /// Go on until the job ends.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    shown: Shown,
}

/// How a job is to end.
#[derive(Args, Debug)]
pub(crate) struct Stop {
    #[command(flatten)]
    one: OneJob,
    /// Take a savepoint, and print its name.
    #[arg(long)]
    savepoint: bool,
}

/// With how many subtasks a job is to go on.
#[derive(Args, Debug)]
pub(crate) struct Rescale {
    #[command(flatten)]
    one: OneJob,
    /// The subtasks of each operator that says nothing else.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    parallelism: u32,
}

/// Checkpoints of a job or in a folder.
#[derive(Args, Debug)]
pub(crate) struct Checkpoints {
    /// A job (job-1), or a folder of checkpoints.
    #[arg(value_name = "JOB|FOLDER")]
    of: String,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    shown: Shown,
}

pub(crate) fn list(List { workers, whom, shown }: List) -> Result<()> {
    let client = whom.client()?;
    if workers {
        let workers = client.workers()?;
        if shown.output == Form::Json {
            return json(&workers);
        }
        let row = |worker: &millstream_cluster::dispatcher::WorkerView| {
            let executors: Vec<String> = worker
                .executors
                .iter()
                .map(|e| e.job.map_or_else(|| "(leaving)".to_owned(), |job| format!("{job}:{}", e.slots)))
                .collect();
            let (slots, free) = (worker.slots.to_string(), worker.slots_free.to_string());
            vec![
                worker.id.to_string(),
                slots,
                free,
                moment(worker.since),
                worker.name.clone(),
                executors.join(" "),
            ]
        };
        let rows: Vec<Vec<String>> = workers.iter().map(row).collect();
        print(&table(&["WORKER", "SLOTS", "FREE", "SINCE (UTC)", "NAME", "RUNS"], &rows));
        return Ok(());
    }
    let jobs = client.jobs()?;
    if shown.output == Form::Json {
        return json(&jobs);
    }
    let row = |job: &millstream_cluster::dispatcher::JobSummary| {
        let waits = job.waits_for.as_ref().map(|what| format!("waits for {what}")).unwrap_or_default();
        vec![
            job.id.to_string(),
            word(&job.state),
            job.slots.to_string(),
            moment(job.submitted),
            job.name.clone(),
            waits,
        ]
    };
    let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
    print(&table(&["JOB", "STATE", "SLOTS", "SUBMITTED (UTC)", "NAME", ""], &rows));
    Ok(())
}

/// A value of an enumeration as the REST interface calls it.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(crate) fn status(Status { one, shown }: Status) -> Result<()> {
    let view = one.whom.client()?.job(one.job)?;
    if shown.output == Form::Json {
        return json(&view);
    }
    print(&in_words(&view));
    Ok(())
}

fn in_words(view: &JobView) -> String {
    let summary = &view.summary;
    let mut lines = vec![format!("{} `{}`: {}", summary.id, summary.name, word(&summary.state))];
    lines.push(format!(
        "  submitted {} UTC, program {} {}",
        moment(summary.submitted),
        view.file_name,
        view.arguments.join(" ")
    ));
    lines.extend(summary.ended.map(|ended| format!("  ended {} UTC", moment(ended))));
    lines.push(format!(
        "  {} slots of {}, restarts {}, masters {}",
        summary.slots, view.slots_needed, view.restarts, view.term
    ));
    lines.extend(summary.waits_for.as_ref().map(|what| format!("  waits for {what}")));
    if !view.plan.is_empty() {
        lines.extend(view.plan.lines().map(|line| format!("  {line}")));
    }
    if !view.operators.is_empty() {
        let row = |operator: &millstream_cluster::dispatcher::OperatorView| {
            let lag = operator.watermark_lag.map(|lag| format!("{:.1} s", lag as f64 / 1000.0));
            vec![
                operator.name.clone(),
                operator.records_in.to_string(),
                operator.records_out.to_string(),
                format!("{:.0}", operator.records_in_per_second),
                format!("{:.0}", operator.records_out_per_second),
                format!("{:.0} %", operator.busy * 100.0),
                format!("{:.0} %", operator.backpressured * 100.0),
                lag.unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = view.operators.iter().map(row).collect();
        lines.push(table(
            &["OPERATOR", "IN", "OUT", "IN/S", "OUT/S", "BUSY", "BACKPRESSURED", "WATERMARK LAG"],
            &rows,
        ));
    }
    for exception in &view.exceptions {
        lines.push(format!("  {} UTC: {}", moment(exception.at), exception.failure));
    }
    for death in &view.deaths {
        lines.push(format!("  {} UTC: {}", moment(death.at), death.what));
    }
    lines.extend(view.failure.as_ref().map(|failure| format!("failure: {failure}")));
    lines.join("\n")
}

pub(crate) fn logs(Logs { one, follow, shown }: Logs) -> Result<()> {
    let client = one.whom.client()?;
    let show = |line: &Line| match shown.output {
        Form::Json => print(&serde_json::to_string(line).unwrap_or_default()),
        Form::Text => print(&format!("{} {:>12} | {}", moment(line.at), line.process, line.text)),
    };
    let mut from = 0;
    loop {
        let ended = client.job(one.job)?.summary.state.is_final();
        let page =
            client.output(one.job, from, if follow { Duration::from_secs(5) } else { Duration::ZERO })?;
        page.lines.iter().for_each(show);
        from = page.next;
        if page.lines.is_empty() && (ended || !follow) {
            return Ok(());
        }
    }
}

pub(crate) fn cancel(one: &OneJob) -> Result<()> {
    print(&one.whom.client()?.cancel(one.job)?);
    Ok(())
}

pub(crate) fn stop(Stop { one, savepoint }: &Stop) -> Result<()> {
    print(&one.whom.client()?.stop(one.job, *savepoint)?);
    Ok(())
}

pub(crate) fn savepoint(one: &OneJob) -> Result<()> {
    print(&one.whom.client()?.savepoint(one.job)?);
    Ok(())
}

pub(crate) fn rescale(Rescale { one, parallelism }: &Rescale) -> Result<()> {
    print(&one.whom.client()?.rescale(one.job, *parallelism)?);
    Ok(())
}

pub(crate) fn list_checkpoints(Checkpoints { of, whom, shown }: Checkpoints) -> Result<()> {
    let Ok(job) = of.parse::<JobId>() else { return checkpoints::of_folder(of.as_ref(), shown.output) };
    let view = whom.client()?.job(job)?;
    if shown.output == Form::Json {
        return json(&view.checkpoints);
    }
    let row = |done: &millstream_cluster::CheckpointRecord| {
        let failure = done.failure.clone().unwrap_or_default();
        vec![
            done.name.clone(),
            moment(done.begun),
            format!("{} ms", done.duration),
            size(done.bytes),
            failure,
        ]
    };
    let rows: Vec<Vec<String>> = view.checkpoints.iter().map(row).collect();
    print(&table(&["CHECKPOINT", "BEGUN (UTC)", "TOOK", "SIZE", "FAILURE"], &rows));
    Ok(())
}
