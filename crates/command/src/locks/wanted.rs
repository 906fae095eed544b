//! Which locks a command takes.

use pgkeep_config::command::LockKind;

use super::lock::{LockType, file_name};

/// Types of lock of this kind, in the order in which they are taken.
#[must_use]
pub fn types(kind: LockKind) -> &'static [LockType] {
    match kind {
        LockKind::None => &[],
        LockKind::Archive => &[LockType::Archive],
        LockKind::Backup => &[LockType::Backup],
        LockKind::Restore => &[LockType::Restore],
        LockKind::All => &[LockType::Archive, LockType::Backup, LockType::Restore],
    }
}

/// File names of the locks of this kind for these repositories, in pgBackRest's order.
#[must_use]
pub fn names(stanza: &str, kind: LockKind, keys: &[u32]) -> Vec<String> {
    let of = |lock_type: &LockType| {
        let lock_type = *lock_type;
        keys.iter()
            .map(move |key| file_name(stanza, lock_type, *key))
    };
    types(kind).iter().flat_map(of).collect()
}
