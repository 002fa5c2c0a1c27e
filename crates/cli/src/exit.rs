//! The exit codes of the command.
//!
//! A program that was run ends the command with its own code; these are the others. They are what `--help` shows, and a
//! test holds the two equal.

/// It ended well.
pub const WELL: u8 = 0;
/// The program raised an exception, or its text is no Python; its job failed on a cluster, or was cancelled by others.
pub const RAISED: u8 = 1;
/// Nothing was started or done: the arguments are wrong, there is no such program, or it was not handed to the cluster (which is
/// not there, whose client is not installed, which refuses, or which does not have all that the program uses).
pub const NOT_STARTED: u8 = 2;
/// What is needed to run the program here is not installed: Python, the package `millstream`.
pub const NOT_INSTALLED: u8 = 127;
/// Ctrl-C, as shells count it: 128 and the number of the signal.
pub const INTERRUPTED: u8 = 130;

/// Beneath the help of the command.
pub(crate) const HELP: &str = "\
Exit codes:
  0      it ended well
  1      the program raised an exception, or its text is no Python; its job failed or was cancelled by others
  2      nothing was started: wrong arguments, no such program, or not handed to the cluster
  127    what is needed is not installed: Python, the package millstream
  130    Ctrl-C (the process ends by the signal itself, which shells show as 130)
  other  the program's own, as in sys.exit(7)";
