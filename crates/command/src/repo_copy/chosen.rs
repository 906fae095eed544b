//! Which backups are copied: the chosen ones with all that they need.

use std::collections::BTreeSet;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupLabel};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

/// The backups to copy, each after those that it refers to.
///
/// # Errors
/// [`ErrorCode::BackupSetInvalid`] for a label that is not listed.
pub(super) fn choose(settings: &Settings, info: &BackupInfo) -> Result<Vec<BackupEntry>> {
    let mut labels: BTreeSet<BackupLabel> = BTreeSet::new();
    match &settings.sets {
        None => labels.extend(info.entries().iter().map(|entry| entry.label.clone())),
        Some(texts) => {
            let mut waiting = Vec::new();
            for text in texts {
                waiting.push(named(settings, info, text)?.label.clone());
            }
            while let Some(label) = waiting.pop() {
                if let Some(entry) = info.find(&label)
                    && labels.insert(label)
                {
                    waiting.extend(needs(entry).cloned());
                }
            }
        }
    }
    // A label sorts after those that its backup builds on.
    Ok(labels
        .iter()
        .filter_map(|label| info.find(label).cloned())
        .collect())
}

/// What a backup cannot be restored without.
pub(super) fn needs(entry: &BackupEntry) -> impl Iterator<Item = &BackupLabel> {
    entry.prior.iter().chain(entry.references.iter().flatten())
}

fn named<'a>(settings: &Settings, info: &'a BackupInfo, text: &str) -> Result<&'a BackupEntry> {
    let found = match text {
        "latest" => info.entries().last(),
        _ => text.parse().ok().and_then(|label| info.find(&label)),
    };
    // A comma too many names nothing.
    let shown = if text.is_empty() { "''" } else { text };
    found.ok_or_else(|| {
        Error::new(
            ErrorCode::BackupSetInvalid,
            format!("backup set {shown} is not valid"),
        )
        .with_hint(format!(
            "it is not listed in repo{}: use the info command to list backups.",
            settings.from
        ))
    })
}

#[cfg(test)]
mod tests {
    use pgkeep_repo::manifest::{BackupHeader, BackupOptions, PgInfo};
    use pgkeep_repo::pg_history::PgHistoryEntry;
    use pgkeep_repo::{Manifest, PgHistory, Stanza};

    use super::super::settings::Wal;
    use super::*;
    use crate::jobs::PoolSettings;

    const FULL: &str = "20260101-000000F";

    fn entry(label: &str, prior: Option<&str>, refers: &[&str]) -> BackupEntry {
        let label: BackupLabel = label.parse().unwrap();
        let mut header = BackupHeader::new(label.backup_type(), 1);
        header.prior = prior.map(|prior| prior.parse().unwrap());
        let mut manifest = Manifest::new(header, PgInfo::default(), BackupOptions::default());
        manifest.references = refers.iter().map(|label| label.parse().unwrap()).collect();
        manifest.set_label(label);
        manifest.backup_entry().unwrap()
    }

    fn info() -> BackupInfo {
        let cluster = PgHistoryEntry {
            id: 1,
            system_id: 1,
            version: "17".to_owned(),
            catalog_version: 1,
            control_version: 1,
        };
        let mut info = BackupInfo::new(PgHistory::new(cluster), None);
        let first = format!("{FULL}_20260102-000000I");
        for entry in [
            entry(FULL, None, &[]),
            entry(&first, Some(FULL), &[FULL]),
            entry(&format!("{FULL}_20260103-000000D"), Some(FULL), &[FULL]),
            // Without a file of the one between, which is its prior all the same.
            entry(&format!("{FULL}_20260104-000000I"), Some(&first), &[FULL]),
            entry("20260105-000000F", None, &[]),
        ] {
            info.add(entry);
        }
        info
    }

    fn chosen(sets: Option<&[&str]>) -> Result<Vec<String>> {
        let settings = Settings {
            stanza: Stanza::new("demo").unwrap(),
            from: 1,
            to: 2,
            sets: sets.map(|sets| sets.iter().map(ToString::to_string).collect()),
            wal: Wal::OfSets,
            dry_run: false,
            json: false,
            buffer_size: 1 << 20,
            pool: PoolSettings::default(),
        };
        let entries = choose(&settings, &info())?;
        Ok(entries
            .iter()
            .map(|entry| entry.label.to_string())
            .collect())
    }

    #[test]
    fn a_backup_comes_with_all_that_it_builds_on_and_nothing_else() {
        let incremental = format!("{FULL}_20260104-000000I");
        assert_eq!(
            chosen(Some(&[&incremental])).unwrap(),
            [FULL, &format!("{FULL}_20260102-000000I"), &incremental]
        );
        assert_eq!(chosen(Some(&["latest"])).unwrap(), ["20260105-000000F"]);
        assert_eq!(
            chosen(Some(&["latest", FULL])).unwrap(),
            [FULL, "20260105-000000F"]
        );
        assert_eq!(chosen(None).unwrap().len(), 5);
        for wrong in ["20260101-000001F", "x", ""] {
            let error = chosen(Some(&[wrong])).unwrap_err();
            assert_eq!(error.code, ErrorCode::BackupSetInvalid);
        }
    }
}
