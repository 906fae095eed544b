//! Locks by the name of their file, as another host asks for them.

use std::sync::PoisonError;

use pgkeep_config::command::CommandId;

use super::lock::{EXTENSION, Lock, LockType};
use super::path::path;
use super::share::Share;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Takes the locks with these names for this run, for processes of `exec_id`. A push has its archive lock in common with pushes
/// of other hosts, for as long as what is handed back lives: their segments appear whole, and whoever comes second compares.
///
/// # Errors
/// [`ErrorCode::LockAcquire`] when another process holds one; [`ErrorCode::Access`] for a name that is no lock of its stanza.
pub fn take_named(context: &Context, names: &[String], exec_id: &str) -> Result<Vec<Share>> {
    let lock_path = path(context);
    let pushes = context.config.command() == CommandId::ArchivePush;
    let mut shares = Vec::new();
    for name in names {
        let stanza = context.stanza()?;
        let (lock_type, key) = of_stanza(name, stanza).ok_or_else(|| {
            Error::new(
                ErrorCode::Access,
                format!("'{name}' is no lock of stanza '{stanza}'"),
            )
        })?;
        if pushes && lock_type == LockType::Archive {
            shares.push(Share::take(&lock_path, stanza, key, exec_id)?);
            continue;
        }
        let lock = Lock::acquire(&lock_path, stanza, lock_type, key, exec_id)?;
        context
            .locks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(lock);
    }
    Ok(shares)
}

/// Type and repository of a lock that commands of this stanza take.
fn of_stanza(name: &str, stanza: &str) -> Option<(LockType, u32)> {
    let rest = name.strip_prefix(stanza)?.strip_prefix('-')?;
    let (type_name, key) = rest.strip_suffix(EXTENSION)?.rsplit_once('-')?;
    let types = [LockType::Archive, LockType::Backup, LockType::Restore];
    let lock_type = types.into_iter().find(|one| one.name() == type_name)?;
    let key: u32 = key.parse().ok()?;
    // Only the one way to write it, so that two names cannot be one lock.
    (super::lock::file_name(stanza, lock_type, key) == name).then_some((lock_type, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_locks_of_the_stanza_are_known() {
        assert_eq!(
            of_stanza("a-b-archive-2.lock", "a-b"),
            Some((LockType::Archive, 2))
        );
        for name in [
            "a-b-archive-2.lock",
            "a-persist-1.lock",
            "a-archive-+1.lock",
            "a-archive-01.lock",
            "a-archive-1",
            "a-archive.lock",
            "../a-archive-1.lock",
            "a-archive-1.lock/x",
            "",
        ] {
            assert_eq!(of_stanza(name, "a"), None, "{name}");
        }
    }
}
