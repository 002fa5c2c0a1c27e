//! Writing: bytes of a new file out of records.

use millstream_model::error::Result;

use crate::compression::Compression;

/// A way to write files of `T`.
pub trait WriteFormat<T>: Clone + Send + Sync + 'static {
    /// What makes the bytes of one file.
    type Encoder: FileEncoder<T>;

    /// What a sink of such files is called: `TextFilesSink`.
    fn sink_name(&self) -> &'static str;

    /// How the names of files end, without the dot: `csv`.
    fn ending(&self) -> &'static str;

    /// Refuses settings that contradict each other, and a compression of the whole file where the format has its own.
    ///
    /// # Errors
    /// If they do.
    fn check(&self, compression: Compression) -> Result<()> {
        let _ = compression;
        Ok(())
    }

    /// Whether the bytes of one file behind those of another, but for its head, are a file again.
    fn can_be_joined(&self) -> bool;

    /// Begins a file.
    ///
    /// # Errors
    /// If the settings cannot be followed.
    fn begin(&self) -> Result<Self::Encoder>;
}

/// Makes the bytes of one file.
pub trait FileEncoder<T> {
    /// What stands at the begin of the file, before any record: `out` gets it. Called once, with the first record that the file
    /// will have.
    ///
    /// # Errors
    /// If it cannot be told from the record.
    fn head(&mut self, first: &T, out: &mut Vec<u8>) -> Result<()> {
        let (_, _) = (first, out);
        Ok(())
    }

    /// Adds a record; `out` gets the bytes that are complete.
    ///
    /// # Errors
    /// If it cannot be written in this format.
    fn add(&mut self, record: T, out: &mut Vec<u8>) -> Result<()>;

    /// How many bytes of the file wait here, about.
    fn held(&self) -> u64 {
        0
    }

    /// No record follows: `out` gets the rest.
    ///
    /// # Errors
    /// As [`FileEncoder::add`].
    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }
}
