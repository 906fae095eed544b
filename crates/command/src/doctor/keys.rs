//! Keys that `repo-rekey --deep` has replaced and that something in the repository may still have.

use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{BackupInfo, BackupLabel, Stanza, layout};
use pgkeep_storage::{InfoLevel, Storage};

use super::check::OLD_KEYS;
use crate::error::Result;
use crate::report::advice;
use crate::report::finding::{Finding, Subject};
use crate::run::summary::count;

/// Nothing where the keys were never changed.
pub(super) fn examine(
    subject: &Subject,
    stanza: &Stanza,
    storage: &dyn Storage,
    info: &BackupInfo,
) -> Option<Finding> {
    // Another type of storage than a directory has no such keys, and a repository that is not encrypted none at all.
    info.cipher_pass.as_ref()?;
    find(subject, stanza, storage, info)
        .unwrap_or_else(|error| Some(subject.not_tested(&OLD_KEYS, error.message)))
}

fn find(
    subject: &Subject,
    stanza: &Stanza,
    storage: &dyn Storage,
    info: &BackupInfo,
) -> Result<Option<Finding>> {
    let stanzas = std::slice::from_ref(stanza);
    let repo = subject.repo.unwrap_or(1);
    if kept_key::are_kept(storage, stanzas, Kept::New)?.contains(&true) {
        return Ok(Some(subject.fail(
            &OLD_KEYS,
            "a run of repo-rekey --deep has not ended: a part has new keys already, and nothing is lost",
            format!(
                "on the host of the repository, before start: pgkeep --repo={repo} --deep repo-rekey"
            ),
        )));
    }
    let path = kept_key::path(&layout::backup_info(stanza), Kept::Last);
    let Some(kept) = storage.info(&path, InfoLevel::Basic)? else {
        return Ok(None);
    };
    let changed = u64::try_from(kept.modified).unwrap_or(0);
    // All that builds on a full backup has its key.
    let is_older = |label: &BackupLabel| {
        let full = info.find(label);
        full.is_none_or(|full| full.timestamp_start < changed)
    };
    let older: Vec<_> = info
        .entries()
        .iter()
        .filter(|entry| is_older(&entry.label.full_label()))
        .collect();
    let Some(newest) = older.last() else {
        let seen = "all backups were made since the keys were changed";
        return Ok(Some(subject.ok(&OLD_KEYS, seen)));
    };
    let full = newest.label.full_label();
    let repo = format!("--repo={repo}");
    let expire = advice::pgkeep(stanza.as_str(), &format!("{repo} --set={full} expire"));
    let mend = match older.len() < info.entries().len() {
        true => {
            format!("when you can do without them: {expire}, and so for each full backup before")
        }
        false => format!(
            "{}; when you can do without the older ones: {expire}, and so for each full backup before",
            advice::pgkeep(stanza.as_str(), &format!("{repo} --type=full backup")),
        ),
    };
    let verb = if older.len() == 1 {
        "keeps the key it"
    } else {
        "keep the keys they"
    };
    let seen = format!(
        "{} {verb} had before repo-rekey --deep, the newest is {}",
        count(older.len() as u64, "backup"),
        newest.label
    );
    Ok(Some(subject.note(&OLD_KEYS, seen, mend)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use pgkeep_repo::backup_info::BackupEntry;
    use pgkeep_repo::manifest::{BackupHeader, BackupOptions};
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{StorageWrite, WriteOptions};
    use secrecy::SecretString;

    use super::*;
    use crate::report::finding::Grade;
    use crate::run::test_stanza;

    const OLD: &str = "20260101-000000F";
    const BUILT_ON_IT: &str = "20260101-000000F_20260301-000000I";
    const NEW: &str = "20260401-000000F";
    /// Between the first and the second.
    const CHANGED: i64 = 1_770_000_000;

    fn entry(label: &str, start: i64) -> BackupEntry {
        let label: BackupLabel = label.parse().unwrap();
        let header = BackupHeader::new(label.backup_type(), start);
        let manifest = test_stanza::manifest(&label, header, BackupOptions::default());
        manifest.backup_entry().unwrap()
    }

    fn info(entries: &[(&str, i64)]) -> BackupInfo {
        let mut info = BackupInfo::new(test_stanza::history(), Some(SecretString::from("key")));
        for (label, start) in entries {
            info.add(entry(label, *start));
        }
        info
    }

    fn with_kept(kept: &[Kept]) -> MemoryStorage {
        let storage = MemoryStorage::new();
        let stanza = Stanza::new("demo").unwrap();
        for kept in kept {
            let path = kept_key::path(&layout::backup_info(&stanza), *kept);
            let options = WriteOptions {
                modified: Some(CHANGED),
                ..WriteOptions::default()
            };
            let mut write = storage.open_write(&path, &options).unwrap();
            write.write_all(b"key").unwrap();
            StorageWrite::finish(write).unwrap().wait().unwrap();
        }
        storage
    }

    fn found(kept: &[Kept], entries: &[(&str, i64)]) -> Option<Finding> {
        let subject = Subject::stanza("demo").repo(2);
        let stanza = Stanza::new("demo").unwrap();
        examine(&subject, &stanza, &with_kept(kept), &info(entries))
    }

    #[test]
    fn backups_of_before_and_what_builds_on_them_keep_their_keys() {
        let old = [(OLD, CHANGED - 1), (BUILT_ON_IT, CHANGED + 1)];
        let all = [&old[..], &[(NEW, CHANGED + 2)]].concat();
        assert!(found(&[], &all).is_none());
        let both = found(&[Kept::Last], &all).unwrap();
        assert_eq!(both.grade, Grade::Note);
        assert_eq!(
            both.seen,
            format!(
                "2 backups keep the keys they had before repo-rekey --deep, the newest is {BUILT_ON_IT}"
            )
        );
        assert_eq!(
            both.mend,
            format!(
                "when you can do without them: pgkeep --stanza=demo --repo=2 --set={OLD} expire, and so for each full backup before"
            )
        );
        // None has a new key yet.
        let only = found(&[Kept::Last], &old).unwrap();
        assert!(
            only.mend
                .starts_with("pgkeep --stanza=demo --repo=2 --type=full backup; "),
            "{}",
            only.mend
        );
        let none = found(&[Kept::Last], &all[2..]).unwrap();
        assert_eq!(none.grade, Grade::Ok);
    }

    #[test]
    fn a_change_of_keys_that_has_not_ended_fails() {
        let half = found(&[Kept::Old, Kept::New, Kept::Last], &[]).unwrap();
        assert_eq!(half.grade, Grade::Fail);
        assert!(
            half.mend.ends_with("pgkeep --repo=2 --deep repo-rekey"),
            "{}",
            half.mend
        );
    }
}
