//! Temporary names: `<name>.<unique>.pgbackrest.tmp`, in the directory of the file that is written.
//!
//! pgBackRest ignores everything with this ending. The middle part is random for each process and counted within it, so
//! two writers of one file never write into the same temporary file, whether they are two threads, two processes or two
//! hosts that share the directory. Whoever makes the file still asks that it be new, and takes another name if it is not.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ending of every temporary file. pgBackRest writes `<name>.pgbackrest.tmp`.
pub const TEMP_SUFFIX: &str = ".pgbackrest.tmp";

/// Names that are tried before giving up: each one that is taken is a collision of 64 random bits, or another's trick.
pub(crate) const TRIES: usize = 16;

/// Longest name that file systems take.
const NAME_MAX: usize = 255;
/// Digits of the random part.
const RANDOM_DIGITS: usize = 16;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A name beside `path` that nobody else uses. The path of the directory stays as it is: a rename works only within one
/// file system.
#[must_use]
pub fn temp_name(path: &[u8]) -> Vec<u8> {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    // The standard library takes the keys of this hash from the system's random numbers.
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let end = format!(".{process:016x}{number:x}{TEMP_SUFFIX}");
    let name = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    let kept = path.len().min(name + NAME_MAX - end.len());
    [&path[..kept], end.as_bytes()].concat()
}

/// The name that a temporary file is to get, of either program's form; `None` if it is no temporary name.
#[must_use]
pub fn final_name(name: &[u8]) -> Option<&[u8]> {
    let rest = name.strip_suffix(TEMP_SUFFIX.as_bytes())?;
    let unique = |part: &[u8]| part.len() > RANDOM_DIGITS && part.iter().all(u8::is_ascii_hexdigit);
    match rest.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if unique(&rest[dot + 1..]) => Some(&rest[..dot]),
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_temporary_name_comes_twice_and_all_are_ignored_by_pgbackrest() {
        let names: std::collections::HashSet<_> =
            (0..100).map(|_| temp_name(b"/r/backup.info")).collect();
        assert_eq!(names.len(), 100);
        for name in &names {
            assert!(name.starts_with(b"/r/backup.info.") && name.ends_with(b".pgbackrest.tmp"));
            assert_eq!(final_name(name), Some(&b"/r/backup.info"[..]));
        }
    }

    #[test]
    fn a_long_name_stays_within_what_file_systems_take() {
        for length in [200, 255] {
            let path = [b"/directory/".as_slice(), &vec![b'x'; length]].concat();
            let name = temp_name(&path);
            let last = name.rsplit(|&byte| byte == b'/').next().unwrap();
            assert!(last.len() <= NAME_MAX && name.starts_with(b"/directory/xxx"));
            assert!(name.ends_with(TEMP_SUFFIX.as_bytes()));
        }
    }

    #[test]
    fn the_final_name_is_found_in_both_programs_forms() {
        for (name, wanted) in [
            ("a.pgbackrest.tmp", Some("a")),
            ("a.gz.pgbackrest.tmp", Some("a.gz")),
            ("a.gz.0123456789abcdef0.pgbackrest.tmp", Some("a.gz")),
            ("a.gz", None),
            ("a.tmp", None),
        ] {
            assert_eq!(
                final_name(name.as_bytes()),
                wanted.map(str::as_bytes),
                "{name}"
            );
        }
    }
}
