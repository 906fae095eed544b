//! What the tests of a manifest share: manifests to begin with, and their text.

use pgkeep_pipeline::{CompressType, Sha1Digest};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Storage, StoragePath};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::backup_type::BackupType;
use crate::error::{Error, ErrorType};
use crate::layout;
use crate::stanza::Stanza;

mod any;
mod increment;
mod kept;
mod resume;
mod table;
mod text;

const FULL: &str = "20261124-040113F";
const INCR: &str = "20261124-040113F_20261124-040127I";

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

/// A manifest with nothing but a data directory, owned by postgres, mode 0700.
fn empty() -> Manifest {
    let pg = PgInfo {
        id: 1,
        system_id: 7,
        version: "17".to_owned(),
        catalog_version: 2,
        control_version: 1700,
    };
    let mut manifest = Manifest::new(
        BackupHeader::new(BackupType::Full, 1000),
        pg,
        BackupOptions::default(),
    );
    let owner = manifest.owner_id(Some("postgres"));
    manifest.add_path(Path {
        name: PG_DATA.to_vec(),
        mode: 0o700,
        user: owner,
        group: owner,
    });
    manifest.add_target(Target {
        name: PG_DATA.to_vec(),
        path: b"/pgdata".to_vec(),
        kind: TargetKind::Path,
    });
    manifest
}

/// A full backup as built: files by name, size and time.
fn built(files: &[(&str, u64, i64)]) -> Manifest {
    let mut manifest = empty();
    let owner = manifest.owner_id(Some("postgres"));
    for (name, size, timestamp) in files {
        let data = FileData {
            size: *size,
            size_original: *size,
            repo_size: *size,
            timestamp: *timestamp,
            mode: 0o600,
            user: owner,
            group: owner,
            copy: true,
            ..FileData::default()
        };
        manifest.add_file(name.as_bytes(), &data);
    }
    manifest
}

/// The same, copied: every file has a checksum and is stored in half of its size.
fn finished(files: &[(&str, u64, i64)]) -> Manifest {
    let mut manifest = built(files);
    for at in 0..manifest.file_count() {
        let mut data = manifest.file_at(at).data;
        data.copy = false;
        data.checksum = Some(if data.size == 0 {
            Sha1Digest::EMPTY
        } else {
            Sha1Digest([at as u8 + 1; 20])
        });
        data.repo_checksum = Some(Sha1Digest([0xee; 20]));
        data.repo_size = data.size / 2;
        manifest.update_file_at(at, &data);
    }
    manifest.set_label(label(FULL));
    manifest
}

fn text(manifest: &Manifest) -> Vec<u8> {
    let mut out = Vec::new();
    manifest.write(&mut out, &manifest.version).unwrap();
    out
}

fn parse(text: &[u8]) -> Result<Manifest, Error> {
    Manifest::parse(&mut &text[..])
}

/// The text with its checksum made right.
fn sealed(text: &str) -> Vec<u8> {
    // The reader itself says which checksum it wants.
    let error =
        parse(format!("{text}\n[backrest]\nbackrest-checksum=\"x\"\n").as_bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorType::Checksum, "{error}");
    let checksum = error.message.split('\'').nth(1).unwrap().to_owned();
    format!("{text}\n[backrest]\nbackrest-checksum=\"{checksum}\"\n").into_bytes()
}
