//! Where computed partitions are kept.

use std::fmt;

/// Where computed partitions are kept for the next action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum StorageLevel {
    /// Nowhere: computed again each time.
    #[default]
    None,
    /// In memory, as values. A partition for which there is no room is computed again.
    MemoryOnly,
    /// In memory, as values. A partition for which there is no room is written to disk.
    MemoryAndDisk,
    /// On disk, encoded.
    DiskOnly,
}

impl StorageLevel {
    /// Whether partitions are kept in memory as long as there is room.
    pub fn uses_memory(self) -> bool {
        matches!(self, Self::MemoryOnly | Self::MemoryAndDisk)
    }

    /// Whether partitions are written to disk.
    pub fn uses_disk(self) -> bool {
        matches!(self, Self::MemoryAndDisk | Self::DiskOnly)
    }
}

impl fmt::Display for StorageLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::MemoryOnly => "Memory",
            Self::MemoryAndDisk => "Disk Memory",
            Self::DiskOnly => "Disk",
        })
    }
}
