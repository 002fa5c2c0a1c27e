//! Any bytes as frames of records: a bounded run of random bytes, of changed frames, and of the seeds in `__fuzz__`.

use millstream_runtime::network::frame::{HEADER, Parsed, parse};

const LIMIT: usize = 1 << 16;

/// Reads as the thread of a connection does, and never panics, waits for more than the limit nor gives more.
fn read(mut bytes: &[u8]) {
    let mut number = 0;
    loop {
        match parse(bytes, number, LIMIT) {
            Ok(Parsed::Frame(frame, length)) => {
                assert!(frame.payload.len() <= LIMIT && (HEADER..=bytes.len()).contains(&length));
                (bytes, number) = (&bytes[length..], number + 1);
            }
            Ok(Parsed::Needs(length)) => {
                assert!(length > bytes.len() && length <= HEADER + LIMIT, "{length} of {}", bytes.len());
                return;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}

#[test]
fn any_bytes_are_frames_the_wish_for_more_or_an_error() {
    bolero::check!().for_each(|bytes: &[u8]| read(bytes));
}

#[test]
fn whatever_a_frame_with_a_right_checksum_holds_is_read_or_refused() {
    bolero::check!().with_type::<(u8, u8, Vec<u8>)>().for_each(|(kind, flag, payload)| {
        let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend([*kind % 14, *flag % 3, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        let mut sum = crc32fast::Hasher::new();
        sum.update(&bytes);
        sum.update(payload);
        bytes.extend(sum.finalize().to_le_bytes());
        bytes.extend(payload);
        read(&bytes);
    });
}
