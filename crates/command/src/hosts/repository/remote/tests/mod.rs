//! The conformance of a repository on another host, in one process.

#![allow(clippy::disallowed_methods)] // looks at the directory behind the storage

mod network_lz4;
mod push;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use pgkeep_config::Program;
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{
    ErrorKind, InfoLevel, ListOptions, Operation, Range, ReadOptions, Storage, StoragePath,
    WriteOptions, conformance,
};

use super::RemoteStorage;
use crate::error::{Error, ErrorCode};
use crate::hosts::Repository;
use crate::remote::in_memory::InMemory;
use crate::remote::rights::Rights;
use crate::remote::serve::storage::{StorageService, describe};
use crate::remote::wire::greeting::{Answer, Side};
use crate::run::context::Context;
use crate::run::test_context;

thread_local! {
    /// The lock path of all hosts of a test.
    static LOCK_PATH: tempfile::TempDir = tempfile::tempdir().unwrap();
}

fn context() -> Arc<Context> {
    let options = ["--pg1-path=/pg"];
    LOCK_PATH.with(|path| {
        let variables = [("PGBACKREST_LOCK_PATH", path.path().to_str().unwrap())];
        Arc::new(test_context::with_environment(
            Program::PgKeep,
            "archive-push",
            &options,
            &variables,
        ))
    })
}

fn host_of(repository: Repository) -> Arc<InMemory> {
    let answer = Answer::Repo(describe(&*repository.storage, repository.cipher_name()));
    InMemory::new(
        StorageService::new(context(), repository, Rights::admin()),
        answer,
        1,
    )
}

fn host(storage: Arc<dyn Storage>) -> Arc<InMemory> {
    host_of(Repository {
        key: 1,
        storage,
        pass: None,
        elsewhere: None,
    })
}

fn remote(host: &Arc<InMemory>) -> RemoteStorage {
    RemoteStorage::new(host.link(Side::Repo, "backup"), "/unknown")
}

fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

fn keeps_the_contract(make: &mut dyn FnMut(&str) -> Arc<dyn Storage>) -> Vec<&'static str> {
    conformance::run(&mut |name| Box::new(remote(&host(make(name)))))
}

#[test]
fn a_directory_on_another_host_keeps_the_contract_of_a_storage() {
    let place = tempfile::tempdir().unwrap();
    let ran = keeps_the_contract(&mut |name| {
        let root = place.path().join(name);
        std::fs::create_dir(&root).unwrap();
        Arc::new(PosixStorage::at(root))
    });
    assert_eq!(ran.len(), conformance::cases().len());
}

#[test]
fn a_bucket_on_another_host_keeps_the_contract_of_a_storage() {
    let ran = keeps_the_contract(&mut |_| Arc::new(MemoryStorage::new().as_bucket()));
    let left_out = conformance::cases().len() - ran.len();
    assert!(ran.len() >= 30 && left_out >= 15, "{ran:?}");
}

#[test]
fn errors_have_the_kind_and_code_of_the_storage_and_say_which_host_they_are_of() {
    let memory = Arc::new(MemoryStorage::new());
    let shown = memory.display(&at("missing"));
    let storage = remote(&host(memory));
    let Err(error) = storage.open_read(&at("missing"), &ReadOptions::default()) else {
        panic!("it was opened")
    };
    assert_eq!(
        (error.kind(), error.operation, &error.object),
        (ErrorKind::NotFound, Operation::OpenRead, &shown)
    );
    let error = Error::from(error);
    assert_eq!(error.code, ErrorCode::FileMissing);
    assert_eq!(
        error.message,
        format!(
            "raised from remote-0 ssh protocol on 'other': unable to open missing file '{shown}' for read"
        )
    );
}

#[test]
fn a_file_of_very_many_pieces_is_asked_for_in_turns() {
    let storage = remote(&host(Arc::new(MemoryStorage::new())));
    let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
    write_all(&storage, &at("file"), &WriteOptions::default(), &bytes).unwrap();
    let ranges = (0..10_000).rev().map(|offset| Range {
        offset,
        length: Some(1),
    });
    let options = ReadOptions {
        ranges: ranges.collect(),
        ..ReadOptions::default()
    };
    let mut found = Vec::new();
    let mut read = storage.open_read(&at("file"), &options).unwrap();
    read.read_to_end(&mut found).unwrap();
    assert!(found.iter().eq(bytes.iter().rev()));
}

#[test]
fn more_paths_than_one_request_holds_are_looked_up_and_removed_in_order() {
    let memory = Arc::new(MemoryStorage::new());
    let paths: Vec<_> = (0..1700).map(|n| at(&format!("dir/{n}"))).collect();
    for path in paths.iter().step_by(3) {
        write_all(&*memory, path, &WriteOptions::default(), b"x").unwrap();
    }
    let storage = remote(&host(memory.clone()));
    let there = storage.info_many(&paths, InfoLevel::Basic).unwrap();
    assert_eq!(there, memory.info_many(&paths, InfoLevel::Basic).unwrap());
    let removed = storage.remove_many(&paths).unwrap();
    let was: Vec<_> = removed
        .iter()
        .map(|one| *one == pgkeep_storage::Removed::Removed)
        .collect();
    assert!(was.iter().enumerate().all(|(n, was)| *was == (n % 3 == 0)));
}

#[test]
fn files_of_which_nobody_asks_whether_they_were_there_are_removed_with_a_message_for_many() {
    let memory = Arc::new(MemoryStorage::new().as_bucket());
    let paths: Vec<_> = (0..700).map(|n| at(&format!("dir/{n}"))).collect();
    for path in paths.iter().step_by(3) {
        write_all(&*memory, path, &WriteOptions::default(), b"x").unwrap();
    }
    let host = host(memory.clone());
    remote(&host).remove_files(&paths).unwrap();
    let left = memory.info_many(&paths, InfoLevel::Exists).unwrap();
    assert!(left.iter().all(Option::is_none));
    let crossed = String::from_utf8_lossy(&host.cut.crossed()).into_owned();
    assert_eq!(crossed.matches("\"untold\":true").count(), 2);
    assert!(!crossed.contains("\"removed\":[true"), "nothing is told");
}

#[test]
fn what_a_bucket_keeps_is_told_of_another_host_too() {
    use pgkeep_storage::protection::KeptUntil;
    let memory = Arc::new(MemoryStorage::new().as_bucket());
    let paths: Vec<_> = (0..600).map(|n| at(&format!("backup/demo/{n}"))).collect();
    memory.lock(&paths[3], KeptUntil::Time(1_700_000_000));
    memory.lock(&paths[599], KeptUntil::Hold);
    let storage = remote(&host(memory.clone()));
    let there = storage.as_protection().expect("a bucket has it");
    let here = memory.as_protection().unwrap();
    let found = there.kept_until(&paths).unwrap();
    assert_eq!(found, here.kept_until(&paths).unwrap());
    assert_eq!(found.iter().flatten().count(), 2);
    assert_eq!(there.of_bucket().unwrap(), here.of_bucket().unwrap());
    assert_eq!(there.lock(), here.lock());
    let directory = remote(&host(Arc::new(MemoryStorage::new())));
    assert!(directory.as_protection().is_none());
}

#[test]
fn bytes_are_unanswered_until_their_ticket_resolves() {
    let storage = remote(&host(Arc::new(MemoryStorage::new())));
    let mut writer = storage
        .open_write(&at("a"), &WriteOptions::default())
        .unwrap();
    writer.write_all(&[7; 100_000]).unwrap();
    assert_eq!(storage.unanswered(), 100_000);
    let dropped = storage.open_write(&at("b"), &WriteOptions::default());
    dropped.unwrap().write_all(&[7; 100]).unwrap();
    assert_eq!(storage.unanswered(), 100_000);
    writer.finish().unwrap().wait().unwrap();
    // The ticket resolves a moment before the bytes are taken off.
    while storage.unanswered() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_client_that_does_not_say_the_end_of_a_file_publishes_nothing() {
    use crate::remote::wire::path::WireBytes;
    use crate::remote::wire::storage::{AmongBytes, OpenWrite, StorageRequest, Written};
    let memory = Arc::new(MemoryStorage::new());
    let host = host(memory.clone());
    let link = host.link(Side::Repo, "backup");
    let client = link.client().unwrap();
    for ending in [None, Some(AmongBytes::Finish { size: 4 })] {
        let open = OpenWrite::new(WireBytes(b"file".to_vec()), &WriteOptions::default());
        let request = StorageRequest::OpenWrite(open);
        let mut upload = client.write(pgkeep_protocol::Lane::Own, &request).unwrap();
        upload.write_all(b"half").unwrap();
        upload.write_all(b"!").unwrap();
        if let Some(ending) = ending {
            upload.send(&ending).unwrap();
        }
        let error = upload.finish::<Written>().wait().unwrap_err();
        assert!(
            error.to_string().contains("was not sent to its end"),
            "{error}"
        );
        assert!(
            memory
                .list(&at(""), &ListOptions::default())
                .unwrap()
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn no_request_leads_out_of_the_repository() {
    use crate::remote::wire::storage::{Done, StorageRequest};
    let host = host(Arc::new(MemoryStorage::new()));
    let link = host.link(Side::Repo, "backup");
    let client = link.client().unwrap();
    for request in [
        r#"{"info":{"paths":["a","../b"]}}"#,
        r#"{"list":{"path":".."}}"#,
        r#"{"list_tree":{"path":"a/../../b"}}"#,
        r#"{"open_read":{"path":"../b"}}"#,
        r#"{"open_write":{"path":"../b"}}"#,
        r#"{"copy_within":{"from":"a","to":"../b"}}"#,
        r#"{"copy_within":{"from":"../b","to":"a"}}"#,
        r#"{"remove":{"paths":["../b"]}}"#,
        r#"{"remove_trees":{"paths":["../b"]}}"#,
        r#"{"remove_left_overs":{"path":"../b"}}"#,
        r#"{"space":{"path":"../b"}}"#,
        r#"{"create_paths":{"paths":["../b"],"mode":488}}"#,
        r#"{"sync_paths":{"paths":["../b"]}}"#,
        r#"{"link":{"path":"../b","destination":"x"}}"#,
        r#"{"hard_link":{"from":"a","to":"../b"}}"#,
    ] {
        let request: StorageRequest = serde_json::from_str(request).unwrap();
        let error = client
            .call::<_, Done>(pgkeep_protocol::Lane::Own, &request)
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("is no path inside of a storage"),
            "{request:?}: {text}"
        );
    }
}

/// Does something over a connection that breaks at each of its writes in turn, until it does not break any more.
fn cut_everywhere(
    root: &Path,
    act: &dyn Fn(&RemoteStorage) -> pgkeep_storage::Result<()>,
    check: &dyn Fn(bool),
) {
    let host = host(Arc::new(PosixStorage::at(root)));
    let mut cuts = 0;
    for at_write in 1.. {
        let storage = remote(&host);
        host.cut.set(at_write);
        let outcome = act(&storage);
        let cut = host.cut.happened();
        host.cut.set(0);
        if let Err(error) = &outcome {
            assert!(cut, "{error}");
            assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
            // The next call makes a new connection.
            storage.info(&at("file"), InfoLevel::Basic).unwrap();
        }
        drop(storage);
        host.wait_idle();
        check(outcome.is_ok());
        if !cut {
            outcome.unwrap();
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 4, "{cuts} cuts");
}

#[test]
fn a_write_that_is_cut_anywhere_leaves_a_whole_file_or_nothing() {
    let place = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let act = |storage: &RemoteStorage| {
        let mut writer = storage.open_write(&at("file"), &WriteOptions::default())?;
        for piece in bytes.chunks(40_000) {
            let written = writer.write_all(piece);
            written.map_err(|error| {
                pgkeep_storage::Error::from_stream(Operation::Write, "file", error)
            })?;
        }
        writer.stage()?;
        writer.finish()?.wait()?;
        Ok(())
    };
    let check = |written: bool| {
        let names: Vec<_> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        match std::fs::read(place.path().join("file")) {
            Ok(found) => assert!(found == bytes && names == ["file"], "{names:?}"),
            Err(_) => assert!(!written && names.is_empty(), "{names:?}"),
        }
        let _ = std::fs::remove_file(place.path().join("file"));
    };
    cut_everywhere(place.path(), &act, &check);
}

#[test]
fn a_read_that_is_cut_anywhere_is_an_error_and_never_a_shorter_file() {
    let place = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(place.path().join("file"), &bytes).unwrap();
    let act = |storage: &RemoteStorage| {
        let found = read_all(storage, &at("file"), 1 << 20)?;
        assert!(found.as_ref() == Some(&bytes));
        Ok(())
    };
    cut_everywhere(place.path(), &act, &|_| {});
}

#[test]
fn a_listing_that_is_cut_anywhere_is_an_error_and_never_a_shorter_list() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("dir")).unwrap();
    for number in 0..1200 {
        std::fs::write(place.path().join(format!("dir/{number}")), "").unwrap();
    }
    let act = |storage: &RemoteStorage| {
        let mut found = 0;
        storage.list_tree(&at(""), &ListOptions::default(), &mut |_| {
            found += 1;
            Ok(())
        })?;
        assert_eq!(found, 1201);
        let listed = storage.list(&at("dir"), &ListOptions::default())?;
        assert_eq!(listed.map(|listed| listed.len()), Some(1200));
        Ok(())
    };
    cut_everywhere(place.path(), &act, &|_| {});
}
