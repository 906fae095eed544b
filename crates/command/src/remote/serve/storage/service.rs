//! Which request of a client does what in the repository.

use std::sync::Arc;

use pgkeep_pipeline::Pipeline;
use pgkeep_protocol::{Exchange, Service};
use pgkeep_repo::Stanza;
use pgkeep_storage::{
    Error, ErrorKind, FileInfo, Found, HardLinks, InfoLevel, Operation, PathSync, Paths, Removed,
    Storage, StoragePath, SymbolicLinks, Ticket,
};
use serde::Serialize;

use super::archive::Archive;
use super::keys::Keys;
use super::needs::Needs;
use super::{measure, read, write};
use crate::hosts::Repository;
use crate::locks::Turn;
use crate::remote::network_lz4;
use crate::remote::rights::Rights;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::entry::{Entries, Gathered, WireEntry};
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::protection::{KeptFiles, WireBucket, WireKept};
use crate::remote::wire::storage::{
    Count, Done, Grade, Infos, RemovedMany, SpaceOf, StorageRequest, WireList, Written,
};
use crate::run::cancel::Cancel;
use crate::run::context::Context;

/// Serves the sessions of one client.
#[derive(Debug)]
pub(crate) struct StorageService {
    storage: Arc<dyn Storage>,
    archive: Archive,
    keys: Keys,
    needs: Needs,
    cancel: Cancel,
}

impl StorageService {
    /// Serves the repository of this run to a client with these rights.
    pub(crate) fn new(context: Arc<Context>, repository: Repository, rights: Rights) -> Self {
        let stanza = context.config.stanza().map(Stanza::new);
        let stanza = stanza.and_then(Result::ok);
        Self {
            storage: Arc::clone(&repository.storage),
            keys: Keys::new(repository.clone(), stanza.clone()),
            needs: Needs::new(rights, stanza),
            cancel: context.cancel.clone(),
            archive: Archive::new(context, repository),
        }
    }
}

impl Service for StorageService {
    fn serve(&self, mut exchange: Exchange) {
        let request = match exchange.receive::<StorageRequest>() {
            Ok(request) => request,
            Err(error) => return exchange.fail(*Failure::from(error).0),
        };
        let storage = &*self.storage;
        if let Err(error) = self.needs.check(storage, &request) {
            self.needs.tell_refused(&error);
            return exchange.fail(*Failure::from(error).0);
        }
        match request {
            StorageRequest::Info { paths, level } => {
                answer(exchange, info(storage, &paths, level.into()));
            }
            StorageRequest::List(request) => {
                let served = list(storage, &self.needs, &mut exchange, &request);
                answer(exchange, served);
            }
            StorageRequest::ListTree(request) => {
                let served = list_tree(storage, &mut exchange, &request);
                answer(exchange, served);
            }
            StorageRequest::OpenRead(request) => {
                let pipeline = read::pipeline(&mut exchange, &request);
                let served = pipeline
                    .and_then(|pipeline| read::serve(storage, &mut exchange, &request, pipeline));
                answer(exchange, served);
            }
            StorageRequest::OpenWrite(request) => {
                let served = request.path.path().map_err(Failure::from);
                let served = served.and_then(|path| {
                    let file = (&path, &request.options());
                    let expand = request.lz4.then(network_lz4::expand);
                    let expand = Pipeline::new(expand.into_iter().collect());
                    write::serve(storage, &mut exchange, file, expand, &|_| Ok(None))
                });
                answer_write(exchange, served);
            }
            StorageRequest::CopyWithin { from, to } => match copy_within(storage, &from, &to) {
                Ok(ticket) => answer_when_written(exchange, ticket, None),
                Err(failure) => exchange.fail(*failure.0),
            },
            StorageRequest::Remove {
                paths,
                untold: true,
            } => answer(exchange, remove_files(storage, &paths)),
            StorageRequest::Remove { paths, .. } => {
                let remove = |paths: &[StoragePath]| storage.remove_many(paths);
                answer(exchange, removed(&paths, remove));
            }
            StorageRequest::RemoveTrees { paths } => {
                let remove = |paths: &[StoragePath]| storage.remove_trees(paths);
                answer(exchange, removed(&paths, remove));
            }
            StorageRequest::RemoveLeftOvers { path, deep } => {
                answer(exchange, remove_left_overs(storage, &path, deep));
            }
            StorageRequest::KeptUntil { paths } => answer(exchange, kept_until(storage, &paths)),
            StorageRequest::BucketProtection {} => answer(exchange, of_bucket(storage)),
            StorageRequest::Space { path } => answer(exchange, space(storage, &path)),
            StorageRequest::Durability { mode } => {
                let grade = storage.durability(mode.into()).map(|durability| Grade {
                    grade: durability.name().to_owned(),
                });
                answer(exchange, grade.map_err(Failure::from));
            }
            StorageRequest::CreatePaths { paths, mode } => {
                answer(exchange, create_paths(storage, &paths, mode & 0o7777));
            }
            StorageRequest::SyncPaths { paths } => answer(exchange, sync_paths(storage, &paths)),
            StorageRequest::Link { path, destination } => {
                answer(exchange, link(storage, &path, &destination));
            }
            StorageRequest::HardLink { from, to } => {
                answer(exchange, hard_link(storage, &from, &to));
            }
            StorageRequest::Announce { bytes } => {
                storage.announce(bytes);
                answer(exchange, Ok(Done {}));
            }
            StorageRequest::ReadInfo { path, without_key } => {
                let served = self.archive.read_info(&mut exchange, &path, without_key);
                answer(exchange, served);
            }
            StorageRequest::Measure { files } => {
                let of = (storage, &self.keys, &self.cancel);
                match measure::serve(of, &mut exchange, &files) {
                    Ok(()) => exchange.end(),
                    Err(failure) => exchange.fail(*failure.0),
                }
            }
            StorageRequest::ArchiveIdentity {} => answer(exchange, self.archive.identity()),
            StorageRequest::FindSegment { segment } => {
                answer(exchange, self.archive.find(&segment));
            }
            StorageRequest::CheckSegment { file } => answer(exchange, self.archive.check(&file)),
            StorageRequest::PushSegment(push) => {
                let may_replace = self.needs.may_replace();
                let served = self.archive.push(&mut exchange, &push, may_replace);
                answer_write(exchange, served);
            }
            StorageRequest::CipherPass {} => answer(exchange, Ok(self.archive.cipher_pass())),
        }
    }
}

/// Sends the last value, or why there is none. A client that is gone needs neither.
fn answer<T: Serialize>(exchange: Exchange, served: Served<T>) {
    match served {
        Ok(value) => drop(exchange.finish(&value)),
        Err(failure) => exchange.fail(*failure.0),
    }
}

fn answer_write(exchange: Exchange, served: Served<write::Ended>) {
    match served {
        Ok(write::Ended::Finished(ticket, turn)) => answer_when_written(exchange, ticket, turn),
        Ok(write::Ended::GivenUp) => answer(exchange, Ok(Written::default())),
        Err(failure) => exchange.fail(*failure.0),
    }
}

/// Answers when the file is published and durable. The thread is free meanwhile.
fn answer_when_written(exchange: Exchange, ticket: Ticket, turn: Option<Turn>) {
    ticket.notify(move |written| {
        // What comes next finds what was stored, or that it was not.
        drop(turn);
        let written = written.map(|written| Written { size: written.size });
        answer(exchange, written.map_err(Failure::from));
    });
}

fn storage_paths(paths: &[WireBytes]) -> Served<Vec<StoragePath>> {
    let paths = paths.iter().map(WireBytes::path);
    Ok(paths.collect::<crate::error::Result<_>>()?)
}

fn info(storage: &dyn Storage, paths: &[WireBytes], level: InfoLevel) -> Served<Infos> {
    let infos = storage.info_many(&storage_paths(paths)?, level)?;
    let entry = |info: Option<_>| info.as_ref().map(WireEntry::from).map(WireEntry::unnamed);
    Ok(Infos {
        infos: infos.into_iter().map(entry).collect(),
    })
}

fn list(
    storage: &dyn Storage,
    needs: &Needs,
    exchange: &mut Exchange,
    request: &WireList,
) -> Served<Entries> {
    let path = request.path.path()?;
    let found = storage.list(&path, &request.options())?;
    let mut gathered = Gathered::default();
    let shown = |info: &&FileInfo| needs.shows(&path, info.name.as_bytes());
    for info in found.iter().flatten().filter(shown) {
        if let Some(some) = gathered.add(info) {
            exchange.send(&some)?;
        }
    }
    Ok(gathered.end(found.is_some()))
}

fn list_tree(
    storage: &dyn Storage,
    exchange: &mut Exchange,
    request: &WireList,
) -> Served<Entries> {
    let path = request.path.path()?;
    let mut gathered = Gathered::default();
    let found = storage.list_tree(&path, &request.options(), &mut |info| {
        match gathered.add(&info).map(|some| exchange.send(&some)) {
            None | Some(Ok(())) => Ok(()),
            // The client wants no more, or is gone.
            Some(Err(error)) => Err(Error::new(
                ErrorKind::Cancelled,
                Operation::List,
                storage.display(&path),
                error.to_string(),
            )),
        }
    })?;
    Ok(gathered.end(found == Found::Found))
}

fn copy_within(storage: &dyn Storage, from: &WireBytes, to: &WireBytes) -> Served<Ticket> {
    Ok(storage.copy_within(&from.path()?, &to.path()?)?)
}

fn removed(
    paths: &[WireBytes],
    remove: impl Fn(&[StoragePath]) -> pgkeep_storage::Result<Vec<Removed>>,
) -> Served<RemovedMany> {
    let removed = remove(&storage_paths(paths)?)?;
    Ok(RemovedMany {
        removed: removed
            .iter()
            .map(|removed| *removed == Removed::Removed)
            .collect(),
    })
}

/// A bucket does not look each of them up then.
fn remove_files(storage: &dyn Storage, paths: &[WireBytes]) -> Served<RemovedMany> {
    storage.remove_files(&storage_paths(paths)?)?;
    Ok(RemovedMany::default())
}

fn remove_left_overs(storage: &dyn Storage, path: &WireBytes, deep: bool) -> Served<Count> {
    let count = storage.remove_left_overs(&path.path()?, deep)? as u64;
    Ok(Count { count })
}

fn space(storage: &dyn Storage, path: &WireBytes) -> Served<SpaceOf> {
    let space = storage.space(&path.path()?)?.map(Into::into);
    Ok(SpaceOf { space })
}

fn kept_until(storage: &dyn Storage, paths: &[WireBytes]) -> Served<KeptFiles> {
    let protection = has(storage.as_protection(), storage, Operation::Info)?;
    let until = protection.kept_until(&storage_paths(paths)?)?;
    Ok(KeptFiles {
        until: until
            .into_iter()
            .map(|until| until.map(WireKept::from))
            .collect(),
    })
}

fn of_bucket(storage: &dyn Storage) -> Served<WireBucket> {
    let protection = has(storage.as_protection(), storage, Operation::Info)?;
    Ok(protection.of_bucket()?.into())
}

/// What the storage has not; a client that read the answer to its greeting does not ask for it.
fn has<T>(found: Option<T>, storage: &dyn Storage, operation: Operation) -> Served<T> {
    Ok(found.ok_or_else(|| {
        let root = storage.display(&StoragePath::root());
        let reason = "the repository is kept where there is no such thing";
        Error::new(ErrorKind::Unsupported, operation, root, reason)
    })?)
}

fn create_paths(storage: &dyn Storage, paths: &[WireBytes], mode: u32) -> Served<Done> {
    let directories = has(storage.as_paths(), storage, Operation::CreatePath)?;
    Paths::create_paths(directories, &storage_paths(paths)?, mode)?;
    Ok(Done {})
}

fn sync_paths(storage: &dyn Storage, paths: &[WireBytes]) -> Served<Done> {
    let sync = has(storage.as_path_sync(), storage, Operation::SyncPath)?;
    PathSync::sync_paths(sync, &storage_paths(paths)?)?;
    Ok(Done {})
}

fn link(storage: &dyn Storage, path: &WireBytes, destination: &WireBytes) -> Served<Done> {
    let links = has(storage.as_symbolic_links(), storage, Operation::Link)?;
    SymbolicLinks::link(links, &path.path()?, &destination.0)?;
    Ok(Done {})
}

fn hard_link(storage: &dyn Storage, from: &WireBytes, to: &WireBytes) -> Served<Done> {
    let links = has(storage.as_hard_links(), storage, Operation::HardLink)?;
    HardLinks::hard_link(links, &from.path()?, &to.path()?)?;
    Ok(Done {})
}
