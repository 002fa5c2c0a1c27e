//! One stream with several readers.

use millstream_model::error::Result;
use millstream_model::record::Record;

use super::{ChainContext, Control, Downstream};
use crate::batch::Batch;

/// Gives every reader of a stream its own copy; the last one gets the original.
pub struct FanOut<T> {
    readers: Vec<Box<dyn Downstream<T>>>,
}

impl<T> FanOut<T> {
    /// A stream for all of `readers`; with none of them the records are dropped.
    pub fn new(readers: Vec<Box<dyn Downstream<T>>>) -> Self {
        Self { readers }
    }
}

impl<T: Record> Downstream<T> for FanOut<T> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.readers.iter_mut().try_for_each(|reader| reader.open(context))
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        if let Some((last, others)) = self.readers.split_last_mut() {
            for reader in others {
                reader.batch(&mut batch.clone())?;
            }
            last.batch(batch)?;
        }
        batch.clear();
        Ok(())
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.readers.iter_mut().try_for_each(|reader| reader.control(control))
    }
}
