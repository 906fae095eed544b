//! Which file system is full, when one is: for whoever has to make room.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::space::space;
use crate::error::{Error, ErrorKind, Operation};
use crate::space::Space;

/// What to do, wherever it is.
const NEXT: &str = "make room there and run the command again; in a repository, older backups go with a lower repo-retention-full and the expire command.";

/// Adds to an error about room which file system has none, and what to do.
pub(super) fn explained(error: Error, path: &Path) -> Error {
    if error.kind != ErrorKind::NoSpace {
        return error;
    }
    hints(path).into_iter().fold(error, Error::with_hint)
}

/// The failure of a write to a file of this machine that was opened by other means than a storage.
#[must_use]
pub fn write_failure(path: &Path, error: &std::io::Error) -> Error {
    let object = path.display().to_string();
    explained(Error::from_io(Operation::Write, object, error), path)
}

/// Lines for `HINT:` about the file system that would hold `path`.
fn hints(path: &Path) -> Vec<String> {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    // The file itself may not be there.
    let there = path.ancestors().find_map(|path| path.canonicalize().ok());
    let mut hints = Vec::new();
    if let Some(there) = there
        && let Ok(Some(space)) = space(&there)
    {
        let place = match Mount::of(&there, &mounts) {
            Some(mount) => mount.shown(),
            None => format!("the file system of '{}'", there.display()),
        };
        hints.push(format!("{place} has {}.", left(space)));
    }
    hints.push(NEXT.to_owned());
    hints
}

fn left(space: Space) -> String {
    let free = format!("{} of {} free", size(space.free), size(space.total));
    match (space.files, space.files_free) {
        (1.., 0) => format!("{free}, and no more files fit ({} in all)", space.files),
        _ => free,
    }
}

/// `1.5GB`: powers of 1024, rounded down: what is left is never shown as more.
fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GB"), (20, "MB"), (10, "KB")];
    let Some((shift, name)) = UNITS.iter().find(|(shift, _)| bytes >> shift > 0) else {
        return format!("{bytes}B");
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    match tenths % 10 {
        0 => format!("{}{name}", tenths / 10),
        tenth => format!("{}.{tenth}{name}", tenths / 10),
    }
}

/// A line of `/proc/self/mountinfo`.
struct Mount {
    point: PathBuf,
    kind: String,
    source: String,
}

impl Mount {
    /// The innermost mount that holds `path`; of several at one place the last, which hides the others.
    fn of(path: &Path, mounts: &[u8]) -> Option<Self> {
        mounts
            .split(|&byte| byte == b'\n')
            .filter_map(Self::parse)
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.as_os_str().len())
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let mark = words.iter().position(|word| *word == b"-")?;
        let text = |word: &[u8]| String::from_utf8_lossy(&plain(word)).into_owned();
        Some(Self {
            point: PathBuf::from(std::ffi::OsString::from_vec(plain(words.get(4)?))),
            kind: text(words.get(mark + 1)?),
            source: text(words.get(mark + 2)?),
        })
    }

    fn shown(&self) -> String {
        let from = match self.source.as_str() {
            source if source == self.kind || source == "none" => String::new(),
            source => format!(" on {source}"),
        };
        format!(
            "the file system mounted at '{}' ({}{from})",
            String::from_utf8_lossy(self.point.as_os_str().as_bytes()),
            self.kind
        )
    }
}

/// Blanks and the like are written `\040` there.
fn plain(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut at = 0;
    while let Some(&byte) = word.get(at) {
        let octal = word.get(at + 1..at + 4).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        match octal {
            Some(octal) if byte == b'\\' => {
                out.push(octal);
                at += 4;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_is_named_with_its_blanks() {
        let mounts = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 22 8:2 / /var/my\\040backups rw,noatime shared:5 - xfs /dev/sdb1 rw\n\
            31 30 0:40 / /var/my\\040backups/quick rw - tmpfs tmpfs rw\n";
        let shown = |path: &str| Mount::of(Path::new(path), mounts).unwrap().shown();
        assert_eq!(
            shown("/var/my backups/archive/x"),
            "the file system mounted at '/var/my backups' (xfs on /dev/sdb1)"
        );
        assert_eq!(
            shown("/var/my backups/quick"),
            "the file system mounted at '/var/my backups/quick' (tmpfs)"
        );
        assert_eq!(
            shown("/var/my backups-2"),
            "the file system mounted at '/' (ext4 on /dev/sda1)"
        );
    }

    #[test]
    fn what_is_left_is_never_shown_as_more() {
        let space = |free, files_free| Space {
            total: 20 << 30,
            free,
            files: 1000,
            files_free,
            read_only: false,
        };
        assert_eq!(left(space(1023, 5)), "1023B of 20GB free");
        assert_eq!(left(space((1 << 30) - 1, 5)), "1023.9MB of 20GB free");
        assert_eq!(
            left(space(3 << 29, 0)),
            "1.5GB of 20GB free, and no more files fit (1000 in all)"
        );
    }
}
