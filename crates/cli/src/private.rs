//! Files of this program are their owner's alone: 0600, and folders 0700.

use std::io;
use std::path::Path;

/// Has every file and folder that this process makes from now on kept from everybody else,
/// whatever umask it was started with: the database and what lies beside it, logs, evidence,
/// backups, exports. Call it before anything is made.
pub(crate) fn by_default() {
    #[cfg(unix)]
    {
        use rustix::fs::Mode;
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
    }
}

/// Keeps a file or folder that is there already, or that was copied with its mode, from everybody
/// else. One that is not there, or that belongs to another account, is left to that.
///
/// # Errors
///
/// What the file system gave.
pub(crate) fn keep(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        let mode = match path.metadata() {
            Ok(found) => found.permissions().mode() & 0o777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if mode & 0o077 != 0 {
            let kept = std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700));
            match kept {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                kept => kept?,
            }
        }
    }
    Ok(())
}
