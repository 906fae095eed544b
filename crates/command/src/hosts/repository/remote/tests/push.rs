//! A push into an encrypted repository whose keys stay where it is.

use std::io::Write;

use pgkeep_pipeline::{CompressType, Pipeline, Sha1Digest, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::pg_history::{PgHistory, PgHistoryEntry};
use pgkeep_repo::{ArchiveId, ArchiveInfo, BackupInfo, Stanza, layout};
use secrecy::{ExposeSecret, SecretString};

use super::super::read::PlainInfo;
use super::*;
use crate::remote::wire::storage::ArchiveIdentity;
use crate::wal::stored_content::Content;

pub(super) const SEGMENT: &str = "000000010000000000000001";
const KEY: &str = "the-key-of-the-archive";
const PASS: &str = "the-passphrase-of-the-repository";

pub(super) fn encrypted() -> (Arc<MemoryStorage>, Repository) {
    let memory = Arc::new(MemoryStorage::new());
    let entry = PgHistoryEntry {
        id: 1,
        system_id: 7,
        version: "17".to_owned(),
        catalog_version: 202_406_281,
        control_version: 1700,
    };
    let info = ArchiveInfo::new(PgHistory::new(entry), Some(KEY.to_owned().into()));
    let repository = Repository {
        key: 1,
        storage: memory.clone(),
        pass: Some(SecretString::from(PASS)),
        elsewhere: None,
    };
    let stanza = Stanza::new("demo").unwrap();
    info.save(&*memory, &stanza, repository.pass.as_ref())
        .unwrap();
    (memory, repository)
}

fn encrypt(plain: &[u8], key: &str) -> Vec<u8> {
    let stage = Stage::Encrypt {
        pass: key.to_owned().into(),
        raw: false,
    };
    let mut out = Vec::new();
    let mut running = Pipeline::new(vec![stage]).start(1000);
    running.push(plain, &mut out).unwrap();
    running.finish(&mut out).unwrap();
    out
}

pub(super) fn path(file: &str) -> StoragePath {
    let stanza = Stanza::new("demo").unwrap();
    layout::archive_file(&stanza, &ArchiveId::new("17", 1), file)
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    let stage = Stage::Compress {
        kind: CompressType::Gz,
        level: 1,
        raw: false,
    };
    let mut out = Vec::new();
    let mut running = Pipeline::new(vec![stage]).start(1000);
    running.push(plain, &mut out).unwrap();
    running.finish(&mut out).unwrap();
    out
}

fn push(
    storage: &RemoteStorage,
    identity: &ArchiveIdentity,
    file: &str,
    bytes: &[u8],
) -> pgkeep_storage::Result<()> {
    let mut write = storage.push_segment(identity, file, !file.contains('.'))?;
    let written = write.write_all(bytes);
    written.map_err(|error| pgkeep_storage::Error::from_stream(Operation::Write, "", error))?;
    write.finish()?.wait()?;
    Ok(())
}

#[test]
fn a_pushed_segment_is_encrypted_there_and_no_key_crosses() {
    let (memory, repository) = encrypted();
    let host = host_of(repository);
    let storage = remote(&host);
    let (id, identity) = storage.archive_identity().unwrap();
    assert_eq!((id.to_string(), identity.system_id), ("17-1".to_owned(), 7));
    let plain = vec![9; 300_000];
    let file = format!("{SEGMENT}-{}.gz", Sha1Digest::of(&plain));
    assert_eq!(storage.find_segment(SEGMENT).unwrap(), None);
    push(&storage, &identity, &file, &compressed(&plain)).unwrap();
    let stored = read_all(&*memory, &path(&file), 1 << 20).unwrap().unwrap();
    assert!(stored.starts_with(b"Salted__"));
    let found = storage.find_segment(SEGMENT).unwrap().unwrap();
    assert_eq!(found, StoredSegment::parse(&file).unwrap());
    assert_eq!(storage.check_segment(&found).unwrap(), Content::Intact);
    // The same again is stored again and harms nobody.
    push(&storage, &identity, &file, &compressed(&plain)).unwrap();
    push(&storage, &identity, "00000002.history", b"history").unwrap();
    write_all(
        &*memory,
        &path(&file),
        &WriteOptions::default(),
        &stored[..99],
    )
    .unwrap();
    let damaged = storage.check_segment(&found).unwrap();
    assert!(matches!(damaged, Content::Damaged(_)), "{damaged:?}");
    let crossed = String::from_utf8_lossy(&host.cut.crossed()).into_owned();
    assert!(crossed.contains("find_segment"), "what crosses is seen");
    assert!(!crossed.contains(KEY) && !crossed.contains(PASS));
}

#[test]
fn another_segment_of_that_name_and_another_cluster_are_refused_and_leave_nothing() {
    let (memory, repository) = encrypted();
    let host = host_of(repository);
    let storage = remote(&host);
    let (_, identity) = storage.archive_identity().unwrap();
    let name = |plain: &[u8]| format!("{SEGMENT}-{}.gz", Sha1Digest::of(plain));
    push(&storage, &identity, &name(b"one"), &compressed(b"one")).unwrap();
    let other = push(&storage, &identity, &name(b"two"), &compressed(b"two")).unwrap_err();
    assert_eq!(Error::from(other).code, ErrorCode::ArchiveDuplicate);
    let foreign = ArchiveIdentity {
        system_id: 8,
        ..identity.clone()
    };
    let error = push(&storage, &foreign, &name(b"one"), b"x").unwrap_err();
    assert_eq!(Error::from(error).code, ErrorCode::ArchiveMismatch);
    for bad in [
        "../../x",
        "archive.info",
        "x",
        SEGMENT,
        "000000010000000000000002.gz",
    ] {
        let error = push(&storage, &identity, bad, b"x").unwrap_err();
        assert!(
            error.to_string().contains("is no file of WAL"),
            "{bad}: {error}"
        );
    }
    let directory = path(SEGMENT).parent();
    let listed = memory.list(&directory, &ListOptions::default()).unwrap();
    assert_eq!(listed.unwrap().len(), 1);
}

/// Has both hosts begin to push this segment, and ends the pushes at the same time.
fn both(first: &[u8], second: &[u8]) -> (Vec<Option<ErrorCode>>, usize) {
    let (memory, repository) = encrypted();
    // Another process for each client, as on a real host.
    let hosts = [host_of(repository.clone()), host_of(repository)];
    let storages = hosts.each_ref().map(remote);
    let writes = storages
        .iter()
        .zip([first, second])
        .map(|(storage, plain)| {
            let (_, identity) = storage.archive_identity().unwrap();
            let file = format!("{SEGMENT}-{}.gz", Sha1Digest::of(plain));
            let mut write = storage.push_segment(&identity, &file, false).unwrap();
            write.write_all(&compressed(plain)).unwrap();
            // All that was sent has been taken, and nothing of that name was found.
            write.stage().unwrap();
            assert_eq!(storage.find_segment(SEGMENT).unwrap(), None);
            write
        });
    let writes: Vec<_> = writes.collect();
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> = writes
            .into_iter()
            .map(|write| scope.spawn(move || write.finish().and_then(|ticket| ticket.wait())))
            .collect();
        let outcomes = threads.into_iter().map(|thread| thread.join().unwrap());
        let codes = outcomes.map(|outcome| outcome.err().map(|error| Error::from(error).code));
        codes.collect()
    });
    let directory = path(SEGMENT).parent();
    let listed = memory.list(&directory, &ListOptions::default()).unwrap();
    (outcomes, listed.unwrap().len())
}

#[test]
fn of_two_hosts_that_push_another_segment_of_one_name_at_once_one_is_refused() {
    for _ in 0..20 {
        let (mut codes, stored) = both(b"one history", b"another history");
        codes.sort_by_key(Option::is_some);
        assert_eq!(codes, [None, Some(ErrorCode::ArchiveDuplicate)]);
        assert_eq!(stored, 1);
    }
}

#[test]
fn two_hosts_that_push_the_same_segment_at_once_both_succeed() {
    for _ in 0..5 {
        let (codes, stored) = both(b"one history", b"one history");
        assert_eq!((codes, stored), (vec![None, None], 1));
    }
}

#[test]
fn a_passphrase_is_told_to_whoever_asks_for_it_by_name() {
    let (_, repository) = encrypted();
    let host = host_of(repository);
    let pass = remote(&host).cipher_pass().unwrap().unwrap();
    assert_eq!(pass.expose_secret(), PASS);
    let plain = host_of(Repository {
        pass: None,
        ..encrypted().1
    });
    assert!(remote(&plain).cipher_pass().unwrap().is_none());
}

#[test]
fn a_push_that_is_cut_anywhere_leaves_a_whole_segment_or_nothing() {
    let (memory, repository) = encrypted();
    let host = host_of(repository);
    let plain: Vec<u8> = (0..100_000_u32).map(|n| ((n * 7919) >> 3) as u8).collect();
    let bytes = compressed(&plain);
    let file = format!("{SEGMENT}-{}.gz", Sha1Digest::of(&plain));
    let mut cuts = 0;
    for at_write in 1.. {
        let storage = remote(&host);
        host.cut.set(at_write);
        let outcome = storage
            .archive_identity()
            .and_then(|(_, identity)| push(&storage, &identity, &file, &bytes));
        let cut = host.cut.happened();
        host.cut.set(0);
        drop(storage);
        host.wait_idle();
        let directory = path(SEGMENT).parent();
        let listed = memory.list(&directory, &ListOptions::default()).unwrap();
        let listed = listed.unwrap_or_default();
        assert!(listed.len() <= 1, "{listed:?}");
        if let Some(stored) = listed.first() {
            assert_eq!(stored.name, StoragePath::from(&*file));
            let intact = remote(&host).check_segment(&StoredSegment::parse(&file).unwrap());
            assert_eq!(intact.unwrap(), Content::Intact);
            memory.remove(&path(&file)).unwrap();
        } else {
            outcome.as_ref().unwrap_err();
        }
        if !cut {
            outcome.unwrap();
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 4, "{cuts} cuts");
}

#[test]
fn who_reads_gets_the_keys_of_what_is_asked_for_and_not_those_that_open_more() {
    const MANIFESTS: &str = "the-key-of-all-manifests";
    let (memory, repository) = encrypted();
    let stanza = Stanza::new("demo").unwrap();
    let archive = ArchiveInfo::load(&*memory, &stanza, repository.pass.as_ref()).unwrap();
    let key = Some(MANIFESTS.to_owned().into());
    let mut info = BackupInfo::new(archive.history.clone(), key);
    info.save(&*memory, &stanza, repository.pass.as_ref())
        .unwrap();
    let manifest = StoragePath::from("backup/demo/20260101-120000F/backup.manifest");
    let text = encrypt(b"a manifest", MANIFESTS);
    write_all(&*memory, &manifest, &WriteOptions::default(), &text).unwrap();

    let host = host_of(repository);
    let storage = remote(&host).with_plain_info(PlainInfo::WithKeys);
    let read = ArchiveInfo::load(&storage, &stanza, None).unwrap();
    assert_eq!(read.cipher_pass.unwrap().expose_secret(), KEY);
    let read = BackupInfo::load(&storage, &stanza, None).unwrap();
    assert!(read.cipher_pass.is_none());
    assert_eq!(read.history.current().system_id, 7);
    let plain = read_all(&storage, &manifest, 1000).unwrap();
    assert_eq!(plain.as_deref(), Some(&b"a manifest"[..]));
    for missing in [
        "backup/demo/20260101-120000F/backup.manifest.copy",
        "backup/demo/20260102-120000F/backup.manifest",
    ] {
        assert_eq!(read_all(&storage, &at(missing), 1000).unwrap(), None);
    }
    memory.remove(&layout::backup_info(&stanza)).unwrap();
    let info = read_all(&storage, &layout::backup_info(&stanza), 1000);
    assert_eq!(info.unwrap(), None);
    let other = read_all(&storage, &at("archive/other/archive.info"), 1000);
    assert!(
        other
            .unwrap_err()
            .to_string()
            .contains("is no info file of the stanza")
    );
    let crossed = String::from_utf8_lossy(&host.cut.crossed()).into_owned();
    assert!(crossed.contains(KEY), "what crosses is seen");
    assert!(!crossed.contains(MANIFESTS) && !crossed.contains(PASS));
}

#[test]
fn a_push_heeds_the_limit_of_this_host() {
    let (_, repository) = encrypted();
    let host = host_of(repository);
    let context = test_context::new(
        Program::PgKeep,
        "archive-push",
        &["--pg1-path=/pg", "--repo1-rate-limit=1MiB"],
    );
    let limit = crate::hosts::rate_limits::of_repository(&context, 1);
    let storage = remote(&host).with_push_limit(limit);
    let (_, identity) = storage.archive_identity().unwrap();
    let before = context.clock.milliseconds();
    let plain = vec![9; 1 << 20];
    let file = format!("{SEGMENT}-{}", Sha1Digest::of(&plain));
    push(&storage, &identity, &file, &plain).unwrap();
    // The first 100 ms are the burst.
    assert_eq!((context.clock.milliseconds() - before + 5) / 100, 9);
}
