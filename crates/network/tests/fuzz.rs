//! Any bytes as what another process says: a bounded run of random bytes, and of the seeds in `__fuzz__`.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use millstream_network::frame;
use millstream_network::handshake::{PREFACE, check_preface};

const LIMIT: usize = 1 << 12;

#[test]
fn any_bytes_are_messages_within_the_limit_or_an_error() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (mut rest, mut payload) = (bytes, Vec::new());
        while frame::read(&mut rest, &mut payload, LIMIT).is_ok() {
            assert!(payload.len() <= LIMIT);
        }
    });
}

#[test]
fn any_preface_is_right_or_refused_with_advice() {
    bolero::check!().with_type::<[u8; PREFACE]>().for_each(|preface| {
        if let Err(failure) = check_preface(preface) {
            assert!(failure.to_string().lines().count() > 1, "{failure}");
        }
    });
}
