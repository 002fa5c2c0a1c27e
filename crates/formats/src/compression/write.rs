//! Compressing what is written.
//!
//! Holds: the bytes of one [`Compressor`] behind those of another are a file that is read as both.

use std::io::{self, Write};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::Compression;

/// How much a zstd frame holds: each is a stream of its own, so that a file needs no more memory than one.
const FRAME: usize = 1 << 20;

/// Compresses the bytes of a file as they come.
pub struct Compressor(Way);

enum Way {
    Plain,
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    /// What waits for its frame.
    Zstd(Vec<u8>),
    Snappy(Box<snap::write::FrameEncoder<Vec<u8>>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
}

impl Compression {
    /// The ending of a file's name that tells of it, with its dot.
    ///
    /// ```
    /// use millstream_formats::compression::Compression;
    /// assert_eq!(Compression::Zstd.ending(), ".zst");
    /// assert_eq!(Compression::Plain.ending(), "");
    /// ```
    pub fn ending(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Snappy => ".snappy",
            Self::Lz4 => ".lz4",
        }
    }

    /// What compresses a new file.
    pub fn writer(self) -> Compressor {
        Compressor(match self {
            Self::Plain => Way::Plain,
            Self::Gzip => {
                Way::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default())))
            }
            Self::Zstd => Way::Zstd(Vec::new()),
            Self::Snappy => Way::Snappy(Box::new(snap::write::FrameEncoder::new(Vec::new()))),
            Self::Lz4 => Way::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new()))),
        })
    }
}

impl Compressor {
    /// Takes all bytes out of `bytes`, and adds to `out` what is complete.
    ///
    /// # Errors
    /// If the library cannot compress them.
    pub fn write(&mut self, bytes: &mut Vec<u8>, out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.0 {
            Way::Plain => out.append(bytes),
            Way::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                out.append(encoder.get_mut());
            }
            Way::Zstd(waiting) => {
                waiting.append(bytes);
                if waiting.len() >= FRAME {
                    out.append(&mut compress_to_vec(&waiting[..], CompressionLevel::Fastest));
                    waiting.clear();
                }
            }
            Way::Snappy(encoder) => {
                encoder.write_all(bytes)?;
                out.append(encoder.get_mut());
            }
            Way::Lz4(encoder) => {
                encoder.write_all(bytes)?;
                out.append(encoder.get_mut());
            }
        }
        bytes.clear();
        Ok(())
    }

    /// Adds the rest to `out`.
    ///
    /// # Errors
    /// As [`Compressor::write`].
    pub fn end(self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut rest = match self.0 {
            Way::Plain => return Ok(()),
            Way::Gzip(encoder) => encoder.finish()?,
            Way::Zstd(waiting) if waiting.is_empty() => return Ok(()),
            Way::Zstd(waiting) => compress_to_vec(&waiting[..], CompressionLevel::Fastest),
            Way::Snappy(encoder) => {
                encoder.into_inner().map_err(|error| io::Error::other(error.to_string()))?
            }
            Way::Lz4(encoder) => encoder.finish()?,
        };
        out.append(&mut rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_written_in_pieces_and_put_behind_each_other_is_read_as_one() {
        for compression in
            [Compression::Plain, Compression::Gzip, Compression::Zstd, Compression::Snappy, Compression::Lz4]
        {
            let (mut file, mut expected) = (Vec::new(), Vec::new());
            for part in 0..2_u32 {
                let mut writer = compression.writer();
                for piece in 0..300_u32 {
                    let mut bytes = format!("part {part}, piece {piece} ").repeat(500).into_bytes();
                    expected.extend_from_slice(&bytes);
                    writer.write(&mut bytes, &mut file).unwrap();
                    assert!(bytes.is_empty());
                }
                writer.end(&mut file).unwrap();
            }
            assert!(compression == Compression::Plain || file.len() < expected.len() / 3, "{compression:?}");
            let mut read = Vec::new();
            compression.open(io::Cursor::new(file)).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == expected, "{compression:?}");
        }
    }
}
