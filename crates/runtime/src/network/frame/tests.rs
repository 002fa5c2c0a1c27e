use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

fn one(kind: Kind, channel: u32, payload: &[u8], compression: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(compression).put(kind, channel, payload, &mut bytes);
    bytes
}

#[test]
fn frames_come_back_one_after_the_other_however_they_are_cut() {
    for compression in [Compression::None, Compression::Lz4] {
        let (mut writer, mut bytes) = (Writer::new(compression), Vec::new());
        let payloads: Vec<Vec<u8>> = (0..20).map(|n| vec![n as u8; n * 100]).collect();
        for (n, payload) in payloads.iter().enumerate() {
            writer.put(Kind::ALL[n % 11], n as u32, payload, &mut bytes);
        }
        let (mut at, mut end, mut number) = (0, 0, 0);
        while at < bytes.len() {
            match parse(&bytes[at..end], number, LIMIT).unwrap() {
                Parsed::Needs(length) => {
                    assert!(length > end - at, "it asks for what it has");
                    end += 1;
                }
                Parsed::Frame(frame, length) => {
                    let n = number as usize;
                    assert_eq!((frame.kind, frame.channel), (Kind::ALL[n % 11], number));
                    assert_eq!(*frame.payload, *payloads[n]);
                    (at, number) = (at + length, number + 1);
                }
            }
        }
        assert_eq!(number, 20);
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_before_its_payload_has_come() {
    let bytes = one(Kind::Batch, 1, &[0; 200], Compression::None);
    let error = parse(&bytes[..HEADER], 0, 100).unwrap_err();
    assert_eq!(error.to_string(), "a frame of 200 bytes, where 100 is the limit");
}

#[test]
fn what_would_decompress_to_more_than_the_limit_is_refused() {
    let bytes = one(Kind::Batch, 1, &[0; 5_000], Compression::Lz4);
    assert!(bytes.len() < 1_000);
    assert_eq!(parse(&bytes, 0, 1_000), Err(FrameError::TooLong { length: 5_000, limit: 1_000 }));
}

#[test]
fn a_frame_that_is_missing_or_comes_twice_is_noticed() {
    let bytes = one(Kind::Idle, 1, &[], Compression::None);
    assert_eq!(parse(&bytes, 1, LIMIT), Err(FrameError::OutOfOrder { came: 0, expected: 1 }));
}

#[test]
fn every_changed_bit_of_a_frame_is_noticed() {
    let bytes = one(Kind::Batch, 9, b"some records", Compression::None);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let parsed = parse(&changed, 0, LIMIT);
        assert!(!matches!(parsed, Ok(Parsed::Frame(..))), "bit {bit}: {parsed:?}");
    }
}

/// Any bytes, with frames among them, changed in a few places: seeded, so that a failure can be played again.
#[test]
fn mangled_streams_of_frames_never_panic_nor_give_more_than_the_limit() {
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for _ in 0..20_000 {
        let mut bytes = Vec::new();
        let compression = if next() % 2 == 0 { Compression::None } else { Compression::Lz4 };
        let mut writer = Writer::new(compression);
        for _ in 0..next() % 4 {
            let payload: Vec<u8> = (0..next() % 600).map(|n| (n / 50) as u8).collect();
            writer.put(Kind::ALL[next() % 11], next() as u32, &payload, &mut bytes);
        }
        for _ in 0..next() % 4 {
            if !bytes.is_empty() {
                let at = next() % bytes.len();
                bytes[at] = next() as u8;
            }
        }
        bytes.truncate(next() % (bytes.len() + 1));
        let (mut rest, mut number) = (&bytes[..], 0);
        while let Ok(Parsed::Frame(frame, length)) = parse(rest, number, 512) {
            assert!(frame.payload.len() <= 512 && length <= rest.len());
            (rest, number) = (&rest[length..], number + 1);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_frame_a_wish_or_an_error(bytes: Vec<u8>, expected: u32) {
        if let Ok(Parsed::Needs(length)) = parse(&bytes, expected, LIMIT) {
            prop_assert!(length > bytes.len() && length <= HEADER + LIMIT);
        }
    }

    #[test]
    fn a_header_with_any_numbers_asks_for_no_more_than_the_limit(header: [u8; HEADER]) {
        if let Ok(Parsed::Needs(length)) = parse(&header, 0, 1000) {
            prop_assert!(length <= HEADER + 1000);
        }
    }
}
