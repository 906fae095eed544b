//! Where everything lies in a repository (`docs/format/layout.md`). The only place that spells repository paths.
//!
//! All paths are relative to the repository's root. Names made here never leave the stanza's two directories.

use pgkeep_storage::StoragePath;

use crate::archive::wal_directory;
use crate::archive_id::ArchiveId;
use crate::backup_label::BackupLabel;
use crate::stanza::Stanza;

/// Directory of all stanzas' WAL.
pub const ARCHIVE: &str = "archive";
/// Directory of all stanzas' backups.
pub const BACKUP: &str = "backup";
/// Name of the info file of the archive.
pub const ARCHIVE_INFO: &str = "archive.info";
/// Name of the info file of the backups.
pub const BACKUP_INFO: &str = "backup.info";
/// Name of the manifest in a backup set; a set is complete when it exists.
pub const MANIFEST: &str = "backup.manifest";
/// Extension of the second copy of info files and manifests.
pub const COPY_EXTENSION: &str = ".copy";
/// Extension of a file stored in the block-incremental format outside a bundle.
pub const BLOCK_EXTENSION: &str = ".pgbi";
/// Directory of bundles in a backup set.
pub const BUNDLE: &str = "bundle";
/// Name of our note of a set's durability, which pgBackRest ignores.
pub const DURABILITY: &str = "pgkeep.durability";
/// Name of our note of which backup is being copied into a set, which pgBackRest ignores.
pub const COPIED: &str = "pgkeep.copied";
/// Directory of the history of manifests.
pub const HISTORY: &str = "backup.history";
/// Name of the link to the newest backup.
pub const LATEST: &str = "latest";
/// What follows the label in the name of a history manifest.
pub const HISTORY_EXTENSION: &str = ".manifest.gz";

/// The same file's second copy.
#[must_use]
pub fn copy_of(path: &StoragePath) -> StoragePath {
    let mut bytes = path.as_bytes().to_vec();
    bytes.extend_from_slice(COPY_EXTENSION.as_bytes());
    StoragePath::new(bytes)
}

/// `archive.info`, its copy, `backup.info`, its copy.
#[must_use]
pub fn info_files(stanza: &Stanza) -> [StoragePath; 4] {
    let (archive, backup) = (archive_info(stanza), backup_info(stanza));
    let copies = (copy_of(&archive), copy_of(&backup));
    [archive, copies.0, backup, copies.1]
}

/// `archive/<stanza>`
#[must_use]
pub fn archive_path(stanza: &Stanza) -> StoragePath {
    StoragePath::from(ARCHIVE).join(stanza.as_str())
}

/// `archive/<stanza>/archive.info`
#[must_use]
pub fn archive_info(stanza: &Stanza) -> StoragePath {
    archive_path(stanza).join(ARCHIVE_INFO)
}

/// `archive/<stanza>/<archive-id>`
#[must_use]
pub fn archive_id_path(stanza: &Stanza, id: &ArchiveId) -> StoragePath {
    archive_path(stanza).join(id.to_string())
}

/// `archive/<stanza>/<archive-id>/<16 hex>`: the directory of WAL with this timeline and log id.
#[must_use]
pub fn wal_path(stanza: &Stanza, id: &ArchiveId, directory: &str) -> StoragePath {
    archive_id_path(stanza, id).join(directory)
}

/// A file of the archive by its name in the repository: names that begin with 24 hexadecimal digits lie in the
/// directory of their first 16 characters, others (timeline history) directly under the archive id.
#[must_use]
pub fn archive_file(stanza: &Stanza, id: &ArchiveId, name: &str) -> StoragePath {
    let path = archive_id_path(stanza, id);
    match wal_directory(name) {
        Some(directory) => path.join(directory).join(name),
        None => path.join(name),
    }
}

/// `backup/<stanza>`
#[must_use]
pub fn backup_path(stanza: &Stanza) -> StoragePath {
    StoragePath::from(BACKUP).join(stanza.as_str())
}

/// `backup/<stanza>/backup.info`
#[must_use]
pub fn backup_info(stanza: &Stanza) -> StoragePath {
    backup_path(stanza).join(BACKUP_INFO)
}

/// `backup/<stanza>/latest`
#[must_use]
pub fn latest(stanza: &Stanza) -> StoragePath {
    backup_path(stanza).join(LATEST)
}

/// `backup/<stanza>/backup.history`
#[must_use]
pub fn history_path(stanza: &Stanza) -> StoragePath {
    backup_path(stanza).join(HISTORY)
}

/// `backup/<stanza>/backup.history/<YYYY>`
#[must_use]
pub fn history_year_path(stanza: &Stanza, year: &str) -> StoragePath {
    history_path(stanza).join(year)
}

/// `backup/<stanza>/backup.history/<YYYY>/<label>.manifest.gz`
#[must_use]
pub fn history_manifest(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    history_year_path(stanza, label.year()).join(format!("{label}{HISTORY_EXTENSION}"))
}

/// `backup/<stanza>/<label>`
#[must_use]
pub fn set_path(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    backup_path(stanza).join(label.as_str())
}

/// `backup/<stanza>/<label>/backup.manifest`
#[must_use]
pub fn manifest(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    set_path(stanza, label).join(MANIFEST)
}

/// `backup/<stanza>/<label>/backup.manifest.copy`
#[must_use]
pub fn manifest_copy(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    copy_of(&manifest(stanza, label))
}

/// `backup/<stanza>/<label>/pgkeep.durability`
#[must_use]
pub fn durability(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    set_path(stanza, label).join(DURABILITY)
}

/// `backup/<stanza>/<label>/pgkeep.copied`
#[must_use]
pub fn copied(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    set_path(stanza, label).join(COPIED)
}

/// `backup/<stanza>/<label>/bundle`
#[must_use]
pub fn bundle_path(stanza: &Stanza, label: &BackupLabel) -> StoragePath {
    set_path(stanza, label).join(BUNDLE)
}

/// `backup/<stanza>/<label>/bundle/<id>`
#[must_use]
pub fn bundle(stanza: &Stanza, label: &BackupLabel, id: u64) -> StoragePath {
    bundle_path(stanza, label).join(id.to_string())
}

/// How one file of a backup set is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredAs<'a> {
    /// A slice of the bundle with this id.
    Bundle(u64),
    /// Alone, in the block-incremental format.
    Blocks,
    /// Alone, whole, with the extension of its compression (`.gz`, empty for none).
    Whole(&'a str),
}

/// The repository file that holds `name` (a manifest name) of set `label`.
#[must_use]
pub fn backup_file(
    stanza: &Stanza,
    label: &BackupLabel,
    name: &[u8],
    stored: StoredAs<'_>,
) -> StoragePath {
    let extension = match stored {
        StoredAs::Bundle(id) => return bundle(stanza, label, id),
        StoredAs::Blocks => BLOCK_EXTENSION,
        StoredAs::Whole(extension) => extension,
    };
    let mut bytes = name.to_vec();
    bytes.extend_from_slice(extension.as_bytes());
    set_path(stanza, label).join(bytes)
}

const TRIAL: &str = ".pgkeep-";

/// A file or directory beside the stanzas that a command makes to try something out, and removes again: `run` tells it from
/// those of other runs, so it is none that exists.
#[must_use]
pub fn trial(command: &str, run: &str) -> StoragePath {
    StoragePath::new(format!("{TRIAL}{command}-{run}"))
}

/// Whether a name beside the stanzas is one of [`trial`]. Where an account may only add, they stay.
#[must_use]
pub fn is_trial(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(TRIAL.as_bytes()) else {
        return false;
    };
    ["audit-", "doctor-", "probe-"]
        .iter()
        .any(|command| rest.starts_with(command.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_out_is_known_by_its_name() {
        assert!(is_trial(trial("probe", "1-ab").as_bytes()));
        assert!(is_trial(b".pgkeep-doctor-1-ab.0.pgbackrest.tmp"));
        for name in [
            &b"backup"[..],
            b".pgkeep-",
            b".pgkeep-mine",
            b"pgkeep-audit-1",
        ] {
            assert!(!is_trial(name), "{name:?}");
        }
    }

    #[test]
    fn paths_are_those_of_pgbackrest() {
        let stanza = Stanza::new("demo").unwrap();
        let id: ArchiveId = "17-1".parse().unwrap();
        let label: BackupLabel = "20261124-040113F".parse().unwrap();
        let show = |path: StoragePath| path.to_string();
        assert_eq!(
            show(copy_of(&archive_info(&stanza))),
            "archive/demo/archive.info.copy"
        );
        assert_eq!(
            show(archive_file(&stanza, &id, "000000010000000000000001-aa.gz")),
            "archive/demo/17-1/0000000100000000/000000010000000000000001-aa.gz"
        );
        assert_eq!(
            show(archive_file(&stanza, &id, "00000002.history")),
            "archive/demo/17-1/00000002.history"
        );
        assert_eq!(
            show(history_manifest(&stanza, &label)),
            "backup/demo/backup.history/2026/20261124-040113F.manifest.gz"
        );
        assert_eq!(
            show(manifest_copy(&stanza, &label)),
            "backup/demo/20261124-040113F/backup.manifest.copy"
        );
        let file = |stored| show(backup_file(&stanza, &label, b"pg_data/base/1/1259", stored));
        assert_eq!(
            file(StoredAs::Bundle(3)),
            "backup/demo/20261124-040113F/bundle/3"
        );
        assert_eq!(
            file(StoredAs::Blocks),
            "backup/demo/20261124-040113F/pg_data/base/1/1259.pgbi"
        );
        assert_eq!(
            file(StoredAs::Whole(".gz")),
            "backup/demo/20261124-040113F/pg_data/base/1/1259.gz"
        );
    }
}
