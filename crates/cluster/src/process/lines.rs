//! What a process writes, line by line.
//!
//! Holds: no line is longer than [`LONGEST`]; a longer one comes in pieces. What is no UTF-8 is shown as such.

use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

/// Of what a process writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// In bytes.
const LONGEST: u64 = 16 << 10;

/// Tells each line, without its end, until there are no more.
pub(super) fn read(from: impl Read, said: impl Fn(String)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut from).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                said(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let all = RefCell::new(Vec::new());
        read(bytes, |line| all.borrow_mut().push(line));
        all.into_inner()
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_without_its_end_too() {
        assert_eq!(lines(b"a\n\nb"), ["a", "", "b"]);
        assert_eq!(lines(b"\xff\n"), ["\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces() {
        let pieces = lines(&vec![b'x'; 20 << 10]);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [16 << 10, 4 << 10]);
    }
}
