//! Parts of uploads that a crash has left in the folder of evidence.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::evidence::INCOMING;

/// Removes files under way that nobody has touched since `before`; returns how many. Files that
/// have arrived are left alone.
///
/// # Errors
///
/// What the file system gave; a folder that is not there is empty.
pub(crate) fn sweep(folder: &Path, before: SystemTime) -> io::Result<usize> {
    let mut swept = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let is_incoming = entry.file_name() == INCOMING;
        for file in entry.path().read_dir()? {
            let file = file?;
            let is_under_way = is_incoming || is_part(&file.file_name().to_string_lossy());
            if is_under_way && file.metadata()?.modified()? < before {
                std::fs::remove_file(file.path())?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

/// Whether a name is one that `object_store` gives to a file until it is whole: `NAME#1`.
fn is_part(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_crash_left_goes_and_what_arrived_or_is_under_way_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [INCOMING, "9f"] {
            create_dir(at(name)).unwrap();
        }
        let now = SystemTime::now();
        let old = now - Duration::from_secs(7_200);
        let files = [
            ("incoming/old", old),
            ("incoming/old#2", old),
            ("incoming/new#1", now),
            ("9f/9f86", old),
            ("9f/9f87#1", old),
            ("9f/9f88#1", now),
            ("probe", old),
        ];
        for (name, at_time) in files {
            File::create(at(name)).unwrap().set_modified(at_time).unwrap();
        }
        assert_eq!(sweep(folder.path(), now - Duration::from_secs(3_600)).unwrap(), 3);
        let left = |name: &&str| at(name).exists();
        assert_eq!(files.map(|(name, _)| name).iter().filter(|name| left(name)).count(), 4);
        assert!(["incoming/new#1", "9f/9f86", "9f/9f88#1", "probe"].iter().all(left));
    }
}
