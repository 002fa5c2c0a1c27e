//! Shows a job's output until its end, and is the exit code. Ctrl-C cancels the job, a second one leaves it alone.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use millstream_cluster::client::Client;
use millstream_cluster::dispatcher::{JobId, JobState};
use millstream_cluster::output::Line;
use millstream_cluster::process::Stream;
use millstream_model::error::{Failure, Result};

use crate::exit;

/// How long the job manager may be gone: another one may take its place on its folder.
const GONE: Duration = Duration::from_secs(30);

pub(super) fn follow(client: &Client, job: JobId) -> Result<u8> {
    say(&format!("{job} runs; Ctrl-C cancels it"));
    let pressed = Arc::new(AtomicU8::new(0));
    let counts = Arc::clone(&pressed);
    ctrlc::set_handler(move || {
        if counts.fetch_add(1, Ordering::AcqRel) > 0 {
            std::process::exit(exit::INTERRUPTED.into());
        }
    })
    .map_err(|error| Failure::external("signals cannot be handled").because(error))?;
    let (mut from, mut asked, mut last_seen, mut waits) = (0, false, Instant::now(), None);
    loop {
        let interrupted = pressed.load(Ordering::Acquire) > 0;
        if interrupted && !asked {
            asked = true;
            say(&format!("cancels {job}"));
            if let Err(failure) = client.cancel(job) {
                say(&failure.to_string());
            }
        }
        let seen = client.job(job).and_then(|view| {
            let page = client.output(job, from, Duration::from_millis(500))?;
            Ok((view, page))
        });
        let (view, page) = match seen {
            Ok(seen) => seen,
            Err(failure) if !failure.may_retry() || interrupted || last_seen.elapsed() > GONE => {
                return Err(failure);
            }
            Err(_) => {
                std::thread::sleep(Duration::from_millis(200));
                continue;
            }
        };
        last_seen = Instant::now();
        if page.missed {
            say("lines are missing here: the job printed faster than they could be fetched");
        }
        page.lines.iter().for_each(show);
        from = page.next;
        if view.summary.waits_for != waits {
            waits = view.summary.waits_for.clone();
            if let Some(what) = &waits {
                say(&format!("{job} waits for {what}"));
            }
        }
        if page.lines.is_empty() && view.summary.state.is_final() {
            return Ok(match view.summary.state {
                JobState::Canceled => {
                    say(&format!("{job} was cancelled"));
                    if interrupted { exit::INTERRUPTED } else { exit::RAISED }
                }
                JobState::Failed => {
                    say(&format!("error: {job} failed\n  {}", view.failure.unwrap_or_default()));
                    exit::RAISED
                }
                _ => exit::WELL,
            });
        }
    }
}

/// As the process printed it.
fn show(line: &Line) {
    let _gone = match line.stream {
        Stream::Out => writeln!(std::io::stdout(), "{}", line.text),
        Stream::Err => writeln!(std::io::stderr(), "{}", line.text),
    };
}

fn say(text: &str) {
    let _gone = writeln!(std::io::stderr(), "{text}");
}
