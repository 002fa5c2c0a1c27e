//! The cluster's token, in a file that nobody else may read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use millstream_cluster::secret;
use millstream_model::error::{Failure, Result};

/// Makes a file with a new token.
///
/// # Errors
/// If there is such a file already, or it cannot be made.
pub(crate) fn make(file: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        let failure = Failure::user(format!("{} cannot be made", file.display()));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure
                .because("there is such a file")
                .advice("remove it first, if no cluster uses it; or give another name"),
            _ => failure.because(error).advice("is its folder there, and may it be written to?"),
        }
    };
    let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    writeln!(made, "{}", secret::fresh()?).map_err(failed)
}

/// The token in a file.
///
/// # Errors
/// If it cannot be read, others may read it, or there is none in it.
pub(crate) fn read(file: &Path) -> Result<String> {
    let shown = file.display();
    let unreadable = |error| {
        Failure::user(format!("the token's file {shown} cannot be read"))
            .because(error)
            .advice(format!("make one: millstream token {shown}"))
    };
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::user(format!(
            "the token's file {shown} has mode {mode:03o}: others may read it"
        ))
        .advice(format!("chmod 600 {shown}")));
    }
    let token = fs::read_to_string(file).map_err(unreadable)?.trim().to_owned();
    if token.len() < 32 || token.contains(|sign: char| !sign.is_ascii_graphic()) {
        return Err(Failure::user(format!("the file {shown} holds no token"))
            .advice("make one: millstream token FILE"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        make(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&file).unwrap().len(), 64);
        assert!(make(&file).unwrap_err().to_string().contains("there is such a file"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let text = read(&file).unwrap_err().to_string();
        assert!(text.contains("has mode 640: others may read it\n  chmod 600 "), "{text}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "short").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("holds no token"));
        assert!(
            read(&folder.path().join("none")).unwrap_err().to_string().contains("make one: millstream token")
        );
    }
}
