//! Compressed files: which compression a name tells of, reading through it and writing.
//!
//! Answers for gzip (several members in one file, too), zstd, snappy and lz4, the latter two in their own frames and, where they are read, in
//! those that Hadoop writes.
//! Holds: what is read is what was compressed, or an error.

mod hadoop;
mod lz4;
mod write;

pub use write::Compressor;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: its bytes can be read from any place on.
    Plain,
    /// gzip, `.gz`.
    Gzip,
    /// zstd, `.zst` or `.zstd`.
    Zstd,
    /// snappy, `.snappy` or `.sz`.
    Snappy,
    /// lz4, `.lz4`.
    Lz4,
}

impl Compression {
    /// What the ending of the file's name says.
    ///
    /// ```
    /// use millstream_formats::compression::Compression;
    /// assert_eq!(Compression::of("logs/2013.csv.gz".as_ref()), Compression::Gzip);
    /// assert_eq!(Compression::of("logs/2013.csv".as_ref()), Compression::Plain);
    /// ```
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz" | "gzip") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            Some("snappy" | "sz") => Self::Snappy,
            Some("lz4") => Self::Lz4,
            _ => Self::Plain,
        }
    }

    /// The bytes behind the compression.
    ///
    /// # Errors
    /// If the file does not begin as a compressed one does.
    pub fn open(self, file: impl Read + Send + 'static) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Plain => Box::new(file),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
            Self::Zstd => Box::new(ZstdFrames { file: Some(BufReader::new(file)), frame: None }),
            Self::Snappy => {
                let mut file = BufReader::new(file);
                // A frame begins with a chunk of this kind; Hadoop's blocks begin with their length.
                match file.fill_buf()?.first() {
                    Some(0xff) => Box::new(snap::read::FrameDecoder::new(file)),
                    _ => Box::new(hadoop::Blocks::new(file, hadoop::snappy)),
                }
            }
            Self::Lz4 => {
                let mut file = BufReader::new(file);
                match file.fill_buf()?.first() {
                    Some(0x04) => Box::new(lz4::Frames::new(file)),
                    _ => Box::new(hadoop::Blocks::new(file, hadoop::lz4)),
                }
            }
        })
    }
}

/// The frames of a zstd file, one behind the other.
struct ZstdFrames<R: Read> {
    file: Option<BufReader<R>>,
    frame: Option<Frame<R>>,
}

type Frame<R> = ruzstd::decoding::StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>;

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(into)?;
                if count > 0 || into.is_empty() {
                    return Ok(count);
                }
                self.file = self.frame.take().map(Frame::into_inner);
            }
            let Some(mut file) = self.file.take() else { return Ok(0) };
            if file.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = Frame::new(file).map_err(std::io::Error::other)?;
            self.frame = Some(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(compression: Compression, bytes: Vec<u8>) -> std::io::Result<String> {
        let mut text = String::new();
        compression.open(std::io::Cursor::new(bytes))?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn two_gzip_members_are_read_one_after_the_other() {
        assert_eq!(read(Compression::Gzip, [gzip("one\n"), gzip("two\n")].concat()).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn two_zstd_frames_are_read_one_after_the_other() {
        assert_eq!(read(Compression::Zstd, [zstd("one\n"), zstd("two\n")].concat()).unwrap(), "one\ntwo\n");
    }

    fn snappy(text: &str) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.into_inner().unwrap()
    }

    fn lz4(text: &str) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Blocks of two chunks each, as Hadoop writes them.
    fn hadoop(text: &str, compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for block in text.as_bytes().chunks(300) {
            bytes.extend((block.len() as u32).to_be_bytes());
            for chunk in block.chunks(200) {
                let chunk = compress(chunk);
                bytes.extend((chunk.len() as u32).to_be_bytes());
                bytes.extend(chunk);
            }
        }
        bytes
    }

    #[test]
    fn snappy_and_lz4_are_read_in_their_own_frames_and_in_hadoops() {
        let text = "line of some length\n".repeat(100);
        let raw_snappy = |chunk: &[u8]| snap::raw::Encoder::new().compress_vec(chunk).unwrap();
        let own = [(Compression::Snappy, snappy(&text)), (Compression::Lz4, lz4(&text))];
        let others = [
            (Compression::Snappy, hadoop(&text, raw_snappy)),
            (Compression::Lz4, hadoop(&text, lz4_flex::block::compress)),
        ];
        for (compression, whole) in own.into_iter().chain(others) {
            assert_eq!(read(compression, whole.clone()).unwrap(), text);
            assert_eq!(read(compression, Vec::new()).unwrap(), "");
            for cut in 1..whole.len() {
                let short = read(compression, whole[..cut].to_vec());
                assert!(
                    short.as_ref().map_or(true, |short| short.len() % 300 == 0),
                    "{compression:?} cut at {cut}"
                );
            }
            let told = read(compression, whole[..whole.len() - 3].to_vec());
            assert!(told.is_err(), "{compression:?}");
        }
        assert_eq!(read(Compression::Lz4, [lz4("one\n"), lz4("two\n")].concat()).unwrap(), "one\ntwo\n");
        let garbage = read(Compression::Snappy, b"no snappy at all".to_vec()).unwrap_err().to_string();
        assert!(garbage.contains("no block"), "{garbage}");
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error_and_not_a_short_file() {
        let whole = gzip(&"line\n".repeat(100));
        assert!(read(Compression::Gzip, whole[..whole.len() - 9].to_vec()).is_err());
        let whole = zstd(&"line\n".repeat(100));
        assert!(read(Compression::Zstd, whole[..whole.len() - 9].to_vec()).is_err());
    }
}
