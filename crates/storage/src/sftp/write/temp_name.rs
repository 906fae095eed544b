//! Temporary names: `<name>.<unique>.pgbackrest.tmp`.
//!
//! The original ignores everything with this ending. The middle part differs between processes and tries, so that
//! nobody ever writes into somebody else's temporary file.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ending of every temporary file.
const SUFFIX: &[u8] = b".pgbackrest.tmp";

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) fn temp_name(name: &[u8]) -> Vec<u8> {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    // The standard library's hash keys are random in each process.
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut out = name.to_vec();
    out.extend_from_slice(format!(".{process:016x}{number:x}").as_bytes());
    out.extend_from_slice(SUFFIX);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_temporary_name_comes_twice_and_all_are_ignored_by_the_original() {
        let names: std::collections::HashSet<_> =
            (0..100).map(|_| temp_name(b"/r/backup.info")).collect();
        assert_eq!(names.len(), 100);
        assert!(
            names
                .iter()
                .all(|name| name.starts_with(b"/r/backup.info.")
                    && name.ends_with(b".pgbackrest.tmp"))
        );
    }
}
