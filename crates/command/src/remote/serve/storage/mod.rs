//! Serves a repository of this host.
//!
//! `service` is which request does what, `read` and `write` are the two that move bytes, `archive` what is
//! done for a client that pushes WAL without its key, `info_files` for one that reads without the passphrase, and `measure` for one that
//! only wants to know what is there; `keys` are those that it looks up for that. `needs` says who may ask for what.

mod archive;
mod info_files;
mod keys;
mod measure;
mod needs;
mod read;
mod service;
mod write;

use std::sync::Arc;

use pgkeep_storage::{Storage, StorageKind, StoragePath};

use super::opened::Opened;
use crate::error::Result;
use crate::hosts::repository;
use crate::remote::rights::Rights;
use crate::remote::wire::greeting::{Answer, RepositoryAnswer};
use crate::remote::wire::protection::{WireLock, WireProtection};
use crate::run::context::Context;

pub(crate) use service::StorageService;

/// Opens repository `key` of this run for a client with these rights.
pub(super) fn open(context: &Arc<Context>, key: u32, rights: Rights) -> Result<Opened> {
    let repository = repository::open(context, key)?;
    let answer = describe(&*repository.storage, repository.cipher_name());
    Ok(Opened {
        answer: Answer::Repo(answer),
        service: Box::new(StorageService::new(Arc::clone(context), repository, rights)),
    })
}

/// What a client learns at once.
pub(crate) fn describe(storage: &dyn Storage, cipher: &str) -> RepositoryAnswer {
    let kind = match storage.kind() {
        StorageKind::Posix => "posix",
        StorageKind::Cifs => "cifs",
        StorageKind::Sftp => "sftp",
        StorageKind::S3 => "s3",
        StorageKind::Azure => "azure",
        StorageKind::Gcs => "gcs",
        StorageKind::Memory => "memory",
    };
    RepositoryAnswer {
        path: storage.display(&StoragePath::root()),
        kind: kind.to_owned(),
        cipher: cipher.to_owned(),
        paths: storage.as_paths().is_some(),
        path_sync: storage.as_path_sync().is_some(),
        symbolic_links: storage.as_symbolic_links().is_some(),
        only_adds: storage.only_adds(),
        hard_links: storage.as_hard_links().is_some(),
        protection: storage.as_protection().map(|protection| WireProtection {
            lock: protection.lock().map(WireLock::from),
        }),
    }
}
