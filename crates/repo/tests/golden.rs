//! Files that pgBackRest wrote (versions 2.45, 2.55, 2.60) parse and are written again byte for byte.
//!
//! `tests/golden/<version>/<chain>` holds the info files and manifests of one repository each: offline chains of a small
//! cluster with gz, without compression and links, and encrypted with bundles (and blocks from 2.55 on), and one online
//! backup. Files ending in `.aes` are the stored bytes, encrypted with the passphrase `sesame`.

#![allow(clippy::disallowed_methods)] // The goldens are plain files of the source tree.

use std::path::{Path, PathBuf};

use pgkeep_repo::manifest::TargetKind;
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupType, Manifest};

/// All files below the goldens whose name ends so.
fn goldens(ending: &str) -> Vec<PathBuf> {
    fn walk(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
        ending,
        &mut found,
    );
    found.sort();
    assert!(!found.is_empty(), "no golden ends in {ending}");
    found
}

/// Compares texts so that a difference is readable.
fn assert_same(path: &Path, expected: &[u8], actual: &[u8]) {
    let (expected, actual) = (
        String::from_utf8_lossy(expected),
        String::from_utf8_lossy(actual),
    );
    for (expected, actual) in expected.lines().zip(actual.lines()) {
        assert_eq!(expected, actual, "{}", path.display());
    }
    assert_eq!(expected.len(), actual.len(), "{}", path.display());
}

#[test]
fn archive_info_of_pgbackrest_is_written_again_unchanged() {
    for path in goldens("archive.info") {
        let text = std::fs::read(&path).unwrap();
        let info = ArchiveInfo::parse(&mut &text[..]).unwrap();
        let mut out = Vec::new();
        info.write(&mut out, &info.version).unwrap();
        assert_same(&path, &text, &out);
        assert_eq!(info.history.current().archive_id().to_string(), "15-1");
    }
}

#[test]
fn backup_info_of_pgbackrest_is_written_again_unchanged() {
    for path in goldens("backup.info") {
        let text = std::fs::read(&path).unwrap();
        let info = BackupInfo::parse(&mut &text[..]).unwrap();
        let mut out = Vec::new();
        info.write(&mut out, &info.version).unwrap();
        assert_same(&path, &text, &out);
    }
}

#[test]
fn manifests_of_pgbackrest_are_written_again_unchanged() {
    for path in goldens(".manifest") {
        let text = std::fs::read(&path).unwrap();
        let manifest = Manifest::parse(&mut &text[..]).unwrap();
        let mut out = Vec::new();
        manifest.write(&mut out, &manifest.version).unwrap();
        assert_same(&path, &text, &out);
        manifest.validate(true).unwrap();
    }
}

#[test]
fn manifests_add_up_to_what_pgbackrest_put_into_backup_info() {
    for path in goldens("backup.info") {
        if path.to_string_lossy().contains("online") {
            // Their manifests were shortened.
            continue;
        }
        let text = std::fs::read(&path).unwrap();
        let info = BackupInfo::parse(&mut &text[..]).unwrap();
        for entry in info.entries() {
            let text =
                std::fs::read(path.with_file_name(format!("{}.manifest", entry.label))).unwrap();
            let manifest = Manifest::parse(&mut &text[..]).unwrap();
            assert_eq!(
                manifest.backup_entry().unwrap(),
                *entry,
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn an_online_manifest_shows_databases_tablespace_and_segments() {
    for path in goldens("F.manifest")
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("online"))
    {
        let text = std::fs::read(&path).unwrap();
        let manifest = Manifest::parse(&mut &text[..]).unwrap();
        assert!(
            manifest
                .databases()
                .iter()
                .any(|database| database.name == b"odd = name")
        );
        assert!(manifest.backup.archive_start.is_some() && manifest.backup.lsn_stop.is_some());
        assert_eq!(manifest.backup.backup_type, BackupType::Full);
        let tablespace = manifest
            .targets()
            .iter()
            .find(|target| target.tablespace_oid().is_some())
            .unwrap();
        assert!(matches!(&tablespace.kind, TargetKind::Tablespace { name, .. } if name == b"ts1"));
        assert_eq!(manifest.target_path(tablespace), b"/ts1");
    }
}

#[test]
fn a_byte_flipped_anywhere_is_refused_or_harmless_but_never_a_panic() {
    let path = &goldens("I.manifest")[0];
    let text = std::fs::read(path).unwrap();
    for at in (0..text.len()).step_by(97) {
        let mut broken = text.clone();
        broken[at] ^= 0x15;
        assert!(
            Manifest::parse(&mut &broken[..]).is_err(),
            "flipped at {at}"
        );
        let _ = Manifest::parse(&mut &text[..at]).unwrap_err();
    }
}

#[test]
fn encrypted_files_of_pgbackrest_are_loaded_with_their_passphrase() {
    use std::io::Write as _;

    use pgkeep_repo::{ErrorType, Stanza};
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{Storage, StoragePath, WriteOptions};

    let stanza = Stanza::new("demo").unwrap();
    let pass = secrecy::SecretString::from("sesame");
    for path in goldens("archive.info.aes") {
        let storage = MemoryStorage::new();
        for (name, place) in [
            ("archive.info.aes", "archive/demo/archive.info"),
            ("backup.info.aes", "backup/demo/backup.info"),
        ] {
            let mut write = storage
                .open_write(&StoragePath::from(place), &WriteOptions::default())
                .unwrap();
            write
                .write_all(&std::fs::read(path.with_file_name(name)).unwrap())
                .unwrap();
            write.finish().unwrap().wait().unwrap();
        }
        let archive = ArchiveInfo::load(&storage, &stanza, Some(&pass)).unwrap();
        let backup = BackupInfo::load(&storage, &stanza, Some(&pass)).unwrap();
        assert!(archive.cipher_pass.is_some() && backup.cipher_pass.is_some());
        assert_eq!(backup.entries().len(), 4);
        let error = ArchiveInfo::load(&storage, &stanza, None).unwrap_err();
        assert_eq!(error.kind, ErrorType::Format);
        assert!(
            error.message.contains("HINT: the file is encrypted: set"),
            "{error}"
        );
        let wrong = secrecy::SecretString::from("wrong");
        let error = ArchiveInfo::load(&storage, &stanza, Some(&wrong)).unwrap_err();
        // The copy is missing, so the main file's class counts.
        assert_eq!(error.kind, ErrorType::Crypto, "{error}");
        assert!(
            error
                .message
                .contains("HINT: is or was the repo encrypted?"),
            "{error}"
        );
    }
}
