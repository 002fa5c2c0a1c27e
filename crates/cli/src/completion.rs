//! The completion scripts of shells.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit;

/// Writes the script to standard output.
pub(crate) fn print(shell: Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "millstream", &mut script);
    match std::io::Write::write_all(&mut std::io::stdout(), &script) {
        Ok(()) => exit::WELL,
        Err(_) => exit::RAISED,
    }
}
