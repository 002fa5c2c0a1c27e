//! What may be set about the network between processes.

use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::Choices;

/// Whether frames are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are: fastest where the network is.
    #[default]
    None,
    /// By LZ4, where that makes a frame smaller.
    Lz4,
}

impl Choices for Compression {
    const ALL: &'static [(&'static str, Self, &'static str)] =
        &[("none", Self::None, "as they are"), ("lz4", Self::Lz4, "by LZ4, where that makes them smaller")];
}

/// The settings of connections between processes; the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// How often a process says that it is alive.
    pub heartbeat_interval: Duration,
    /// After how much silence the other process is taken for lost.
    pub heartbeat_timeout: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How many strangers (connections without a finished handshake) a listener bears that have said nothing, and as many
    /// again that have said something; beyond that the oldest is put out.
    pub max_strangers: usize,
    /// The longest frame, in bytes: what one record may take, encoded.
    pub max_frame: usize,
    /// Whether frames are compressed.
    pub compression: Compression,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(1),
            heartbeat_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            max_strangers: 256,
            max_frame: 64 << 20,
            compression: Compression::None,
        }
    }
}

impl NetworkSettings {
    /// Refuses settings with which nothing could work.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, right: &str| Err(Failure::user(what.to_owned()).advice(right.to_owned()));
        if self.heartbeat_interval.is_zero() || self.handshake_timeout.is_zero() {
            return wrong("a heartbeat interval or handshake timeout of zero", "give at least a millisecond");
        }
        if self.heartbeat_timeout < self.heartbeat_interval * 2 {
            return wrong(
                "the heartbeat timeout is less than two intervals, so that one late heartbeat would be a lost process",
                "give a timeout of five intervals",
            );
        }
        if self.max_frame < 1 << 16 || self.max_frame > 1 << 30 {
            return wrong("the longest frame is not between 64 KiB and 1 GiB", "64 MiB is usual");
        }
        if self.max_strangers < 1 {
            return wrong("a listener that bears no strangers hears nobody", "give at least 1; 256 is usual");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_settings_are_possible_and_impossible_ones_say_what_would_be_right() {
        NetworkSettings::default().check().unwrap();
        let short =
            NetworkSettings { heartbeat_timeout: Duration::from_secs(1), ..NetworkSettings::default() };
        assert!(short.check().unwrap_err().to_string().contains("five intervals"));
        let narrow = NetworkSettings { max_frame: 10, ..NetworkSettings::default() };
        assert!(narrow.check().unwrap_err().to_string().contains("64 MiB"));
    }
}
