//! The hand-written loop: one thread, one line buffer, one table, a `String` only for a word that is new.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use millstream::Failure;

use super::{Counts, Timed};
use crate::race::timed;

/// Counts, and the seconds from opening the file to the last word.
pub(super) fn count(path: &Path) -> Timed<Counts> {
    timed(|| {
        read(path)
            .map_err(|error| Failure::external(format!("cannot read {}", path.display())).because(error))
    })
}

fn read(path: &Path) -> std::io::Result<Counts> {
    let mut file = BufReader::with_capacity(64 << 10, File::open(path)?);
    let (mut counts, mut line) = (Counts::new(), String::new());
    while file.read_line(&mut line)? > 0 {
        for word in line.split_whitespace() {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        }
        line.clear();
    }
    Ok(counts)
}
