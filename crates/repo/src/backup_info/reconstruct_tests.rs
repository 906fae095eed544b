//! Reconciliation against sets in a storage in memory.

use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Paths, Storage, StoragePath};
use secrecy::SecretString;

use super::*;
use crate::error::ErrorType;
use crate::manifest::{
    BackupHeader, BackupOptions, Manifest, PG_DATA, Path, PgInfo, Target, TargetKind,
};
use crate::pg_history::PgHistoryEntry;

const F1: &str = "20260101-000000F";
const I1: &str = "20260101-000000F_20260102-000000I";
const I2: &str = "20260101-000000F_20260103-000000I";
const F2: &str = "20260104-000000F";

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

fn manifest(text: &str, prior: Option<&str>, system_id: u64) -> Manifest {
    let label = label(text);
    let mut header = BackupHeader::new(label.backup_type(), 1_767_225_600);
    header.prior = prior.map(self::label);
    let pg = PgInfo {
        id: 1,
        system_id,
        version: "17".to_owned(),
        catalog_version: 1,
        control_version: 2,
    };
    let mut manifest = Manifest::new(header, pg, BackupOptions::default());
    manifest.add_path(Path {
        name: PG_DATA.to_vec(),
        mode: 0o700,
        user: None,
        group: None,
    });
    manifest.add_target(Target {
        name: PG_DATA.to_vec(),
        path: b"/pgdata".to_vec(),
        kind: TargetKind::Path,
    });
    manifest.set_label(label);
    manifest
}

/// A repository whose manifests are encrypted with `inner`, and `backup.info` with `outer`.
struct Repository {
    storage: MemoryStorage,
    info: BackupInfo,
    outer: SecretString,
}

impl Repository {
    fn new() -> Self {
        let history = PgHistory::new(PgHistoryEntry {
            id: 1,
            system_id: 7,
            version: "17".to_owned(),
            catalog_version: 1,
            control_version: 2,
        });
        Self {
            storage: MemoryStorage::new(),
            info: BackupInfo::new(history, Some(SecretString::from("inner"))),
            outer: SecretString::from("outer"),
        }
    }

    fn set(&self, manifest: &Manifest) {
        let label = manifest.backup.label.as_ref().unwrap();
        manifest
            .save(
                &self.storage,
                &stanza(),
                label,
                self.info.cipher_pass.as_ref(),
            )
            .unwrap();
    }

    fn listed_set(&mut self, text: &str, prior: Option<&str>) {
        let manifest = manifest(text, prior, 7);
        self.set(&manifest);
        self.info.add(manifest.backup_entry().unwrap());
    }

    fn reconciled(&mut self) -> (Vec<String>, Vec<String>) {
        self.info
            .save(&self.storage, &stanza(), Some(&self.outer))
            .unwrap();
        let (info, warnings) =
            BackupInfo::load_reconstructed(&self.storage, &stanza(), Some(&self.outer)).unwrap();
        assert_eq!(
            info.is_updated(),
            !warnings
                .iter()
                .all(|warning| warning.starts_with("invalid"))
        );
        (
            info.entries()
                .iter()
                .map(|entry| entry.label.to_string())
                .collect(),
            warnings,
        )
    }

    fn remove(&self, label: &str, file: &str) {
        self.storage
            .remove(&StoragePath::from(format!("backup/demo/{label}/{file}")))
            .unwrap();
    }
}

#[test]
fn a_list_that_fits_the_disk_stays() {
    let mut repository = Repository::new();
    repository.listed_set(F1, None);
    repository.listed_set(I1, Some(F1));
    assert_eq!(
        repository.reconciled(),
        (vec![F1.to_owned(), I1.to_owned()], Vec::new())
    );
}

#[test]
fn entries_without_manifest_go_with_their_dependents() {
    let mut repository = Repository::new();
    repository.listed_set(F1, None);
    repository.listed_set(I1, Some(F1));
    repository.listed_set(I2, Some(I1));
    repository.listed_set(F2, None);
    repository.remove(I1, "backup.manifest");
    let (left, warnings) = repository.reconciled();
    assert_eq!(left, [F1, F2]);
    assert_eq!(
        warnings,
        [
            format!("backup '{I2}' missing manifest removed from backup.info"),
            format!("backup '{I1}' missing manifest removed from backup.info"),
            // Its own manifest is there, but what it depends on is gone for good.
            format!("invalid backup '{I2}' cannot be added to current backups"),
        ]
    );
}

#[test]
fn finished_backups_that_were_not_listed_are_adopted() {
    let mut repository = Repository::new();
    repository.set(&manifest(F1, None, 7));
    repository.set(&manifest(I1, Some(F1), 7));
    let (left, warnings) = repository.reconciled();
    assert_eq!(left, [F1, I1]);
    assert_eq!(
        warnings,
        [
            format!("backup '{F1}' found in repository added to backup.info"),
            format!("backup '{I1}' found in repository added to backup.info"),
        ]
    );
}

#[test]
fn backups_of_another_cluster_and_unfinished_ones_are_not_adopted() {
    let mut repository = Repository::new();
    repository.set(&manifest(F1, None, 8));
    repository.set(&manifest(F2, None, 7));
    repository.remove(F2, "backup.manifest");
    // An orphan is not even read.
    repository
        .storage
        .create_path(&StoragePath::from(format!("backup/demo/{I2}")), 0o750)
        .unwrap();
    let (left, warnings) = repository.reconciled();
    assert!(left.is_empty());
    assert_eq!(
        warnings,
        [format!(
            "invalid backup '{F1}' cannot be added to current backups"
        )]
    );
}

#[test]
fn a_backup_under_the_label_of_another_does_not_take_its_place() {
    let mut repository = Repository::new();
    repository.listed_set(F1, None);
    let listed = repository.info.entries().to_vec();
    let mut false_one = manifest(F1, None, 7);
    false_one.backup.archive_start = Some("0000000100000FFF00000001".to_owned());
    false_one
        .save(
            &repository.storage,
            &stanza(),
            &label(F2),
            repository.info.cipher_pass.as_ref(),
        )
        .unwrap();
    let sets = [label(F1), label(F2)];
    let found = repository
        .info
        .reconstruct(&repository.storage, &stanza(), &sets)
        .unwrap();
    assert!(found.refused.contains(&label(F2)));
    assert_eq!(
        found.warnings,
        [format!(
            "invalid backup '{F2}' cannot be added to current backups"
        )]
    );
    assert_eq!(repository.info.entries(), listed);
}

#[test]
fn what_a_backup_began_with_does_not_stand_in_for_its_manifest_where_an_account_only_adds() {
    let mut repository = Repository::new();
    // Its manifest is damaged, so its copy is read.
    repository.set(&manifest(F1, None, 7));
    let main = StoragePath::from(format!("backup/demo/{F1}/backup.manifest"));
    let options = pgkeep_storage::WriteOptions::default();
    pgkeep_storage::copy::write_all(&repository.storage, &main, &options, b"x").unwrap();
    repository.info.closed = Some(true);
    let (storage, sets) = (&repository.storage, [label(F1)]);
    let found = repository.info.reconstruct(storage, &stanza(), &sets);
    assert_eq!(
        found.unwrap().warnings,
        [format!(
            "invalid backup '{F1}' cannot be added to current backups"
        )]
    );
}

#[test]
fn either_copy_serves_and_two_failures_are_one_error() {
    let mut repository = Repository::new();
    // Not encrypted, so reading it with a passphrase fails.
    repository
        .info
        .save(&repository.storage, &stanza(), None)
        .unwrap();
    let (storage, outer) = (&repository.storage, &repository.outer);
    let load = |pass: Option<&SecretString>| BackupInfo::load(storage, &stanza(), pass);
    storage
        .remove(&StoragePath::from("backup/demo/backup.info"))
        .unwrap();
    assert!(load(None).is_ok());
    // One is missing, the other cannot be decrypted: what was found out about the other counts.
    let error = load(Some(outer)).unwrap_err();
    assert_eq!(error.kind, ErrorType::Crypto, "{error}");
    let shown = storage.display(&StoragePath::from("backup/demo/backup.info"));
    let lines: Vec<_> = error.message.lines().collect();
    assert_eq!(
        lines[0],
        format!("unable to load info file '{shown}' or '{shown}.copy':")
    );
    assert_eq!(
        lines[1],
        format!("FileMissingError: unable to open missing file '{shown}' for read")
    );
    assert!(lines[2].starts_with("CryptoError: "), "{}", lines[2]);
    assert_eq!(lines[3], "HINT: is or was the repo encrypted?");
    assert!(
        error
            .text()
            .ends_with("\nHINT: has a stanza-create been performed?")
    );
    storage
        .remove(&StoragePath::from("backup/demo/backup.info.copy"))
        .unwrap();
    assert!(load(None).unwrap_err().is_missing());
}

#[test]
fn both_copies_hold_the_same_bytes() {
    use std::io::Read;
    let mut repository = Repository::new();
    repository
        .info
        .save(&repository.storage, &stanza(), Some(&repository.outer))
        .unwrap();
    let read = |name: &str| {
        let mut bytes = Vec::new();
        let options = pgkeep_storage::ReadOptions::default();
        repository
            .storage
            .open_read(&StoragePath::from(name), &options)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    };
    let main = read("backup/demo/backup.info");
    assert_eq!(main, read("backup/demo/backup.info.copy"));
    assert!(main.starts_with(b"Salted__"));
}

#[test]
fn a_save_that_fails_anywhere_leaves_the_old_or_the_new_list() {
    use std::sync::Arc;

    use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};

    let labels = |info: &BackupInfo| info.entries().len();
    let counting = FaultPlan::counting();
    let mut old = Repository::new();
    let faulty = Faulty::new(Arc::new(old.storage.clone()), Arc::clone(&counting));
    old.info.save(&faulty, &stanza(), Some(&old.outer)).unwrap();
    let operations = counting.operations();
    assert!(operations >= 4, "two files are opened and finished");
    for at in 1..=operations {
        let mut repository = Repository::new();
        repository
            .info
            .save(&repository.storage, &stanza(), Some(&repository.outer))
            .unwrap();
        repository
            .info
            .add(manifest(F1, None, 7).backup_entry().unwrap());
        let plan = FaultPlan::new(FaultySettings {
            at,
            fault: Fault::Error(pgkeep_storage::ErrorKind::Broken),
        });
        let faulty = Faulty::new(Arc::new(repository.storage.clone()), plan);
        let saved = repository
            .info
            .save(&faulty, &stanza(), Some(&repository.outer));
        assert!(saved.is_err(), "the fault at operation {at} went unnoticed");
        assert!(repository.info.is_updated());
        let loaded =
            BackupInfo::load(&repository.storage, &stanza(), Some(&repository.outer)).unwrap();
        assert!(labels(&loaded) <= 1);
    }
}
