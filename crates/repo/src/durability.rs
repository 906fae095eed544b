//! The grade of durability of a backup set, kept in a small file beside its manifest.
//!
//! Not part of pgBackRest's format: it ignores the file and removes it with the set. Written only where the grade differs
//! from server to server. On this machine's own disks every set is fsynced, and a bucket answers when an object is safe.

use std::io::Read;

use pgkeep_storage::{
    Durability, ErrorKind, ReadOptions, Storage, StorageKind, Ticket, WriteMode, WriteOptions,
};

use crate::backup_label::BackupLabel;
use crate::error::Result;
use crate::layout;
use crate::stanza::Stanza;

/// Longer than any grade's name.
const SIZE_MAX: u64 = 64;
/// Files read at once.
const AT_ONCE: usize = 64;

/// Keeps the grade of a set that is about to be complete; hands back what is kept once the ticket has resolved, nothing on
/// local storages and in buckets.
///
/// # Errors
/// Those of the storage.
pub fn save(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
) -> Result<Option<(Durability, Ticket)>> {
    if matches!(
        storage.kind(),
        StorageKind::Posix
            | StorageKind::Cifs
            | StorageKind::Memory
            | StorageKind::S3
            | StorageKind::Azure
            | StorageKind::Gcs
    ) {
        return Ok(None);
    }
    // Files of a set are written in place: their grade is the set's.
    let grade = storage.durability(WriteMode::InPlace)?;
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        sync_path: false,
        ..WriteOptions::default()
    };
    let ticket = pgkeep_storage::copy::write_ticket(
        storage,
        &layout::durability(stanza, label),
        &options,
        format!("{grade}\n").as_bytes(),
    )?;
    Ok(Some((grade, ticket)))
}

/// The grades of these sets, in their order; `None` where none was kept or it is not understood.
///
/// # Errors
/// Those of the storage, but for a missing file.
pub fn load_many(
    storage: &dyn Storage,
    stanza: &Stanza,
    labels: &[BackupLabel],
) -> Result<Vec<Option<Durability>>> {
    let options = ReadOptions {
        expect: Some(SIZE_MAX),
        lazy_open: true,
        ..ReadOptions::default()
    };
    let mut grades = Vec::with_capacity(labels.len());
    for labels in labels.chunks(AT_ONCE) {
        // All are asked for before the first is waited for.
        let opened: Vec<_> = labels
            .iter()
            .map(|label| storage.open_read(&layout::durability(stanza, label), &options))
            .collect();
        for read in opened {
            let mut text = Vec::new();
            let read = read.and_then(|read| {
                read.take(SIZE_MAX).read_to_end(&mut text).map_err(|error| {
                    pgkeep_storage::Error::from_stream(pgkeep_storage::Operation::Read, "", error)
                })
            });
            match read {
                Ok(_) => grades.push(Durability::from_name(String::from_utf8_lossy(&text).trim())),
                Err(error) if error.kind == ErrorKind::NotFound => grades.push(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(grades)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgkeep_storage::copy::write_all;
    use pgkeep_storage::http::Endpoint;
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::s3::{KeySource, Now, S3Settings};

    #[test]
    fn a_bucket_gets_no_file_of_ours() {
        let keys = KeySource::Shared {
            key: "key".into(),
            secret: "secret".into(),
            token: None,
        };
        // Nothing listens there: a file would be on its way before that shows.
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let mut settings = S3Settings::new("bucket", endpoint, "region", keys, Now::new(|| 0));
        settings.http.verify_tls = false;
        let storage = pgkeep_storage::s3::open(settings).unwrap();
        let label = "20260101-000000F".parse().unwrap();
        let saved = save(&storage, &Stanza::new("demo").unwrap(), &label).unwrap();
        assert!(saved.is_none());
    }

    #[test]
    fn grades_are_read_in_order_and_what_is_not_one_is_none() {
        let storage = MemoryStorage::new();
        let stanza = Stanza::new("demo").unwrap();
        let labels: Vec<BackupLabel> = (1..=3)
            .map(|day| format!("2026010{day}-000000F").parse().unwrap())
            .collect();
        assert!(save(&storage, &stanza, &labels[0]).unwrap().is_none());
        for (label, text) in [(&labels[0], "re-read\n"), (&labels[2], "surely")] {
            let path = layout::durability(&stanza, label);
            write_all(&storage, &path, &WriteOptions::default(), text.as_bytes()).unwrap();
        }
        assert_eq!(
            load_many(&storage, &stanza, &labels).unwrap(),
            [Some(Durability::ReRead), None, None]
        );
    }
}
