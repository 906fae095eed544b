//! A cluster on another host: every method is a request over a link, and its answer.
//!
//! Files are read by a pipeline there, and only what comes out of it crosses. Several files may be under way: who asks for them
//! must take them in the order in which they were asked for, as the other host works on them in that order.

mod file;
mod session;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use pgkeep_postgres::session::Session;
use pgkeep_protocol::{Client, Download, Lane};
use pgkeep_repo::manifest::build::Listing;
use pgkeep_storage::{
    Error as StorageError, ErrorKind, FileInfo, Found, InfoLevel, Operation, Space, StoragePath,
};
use serde::de::DeserializeOwned;

pub use settings::RemoteSettings;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host::host::PgHost;
use crate::hosts::pg_host::read_file::{OpenFile, ReadRequest};
use crate::remote::link::{Link, wrong_side};
use crate::remote::wire::cluster::{ClusterRequest, Looked, SpaceFound};
use crate::remote::wire::entry::Entries;
use crate::remote::wire::error::storage_error;
use crate::remote::wire::greeting::Answer;

/// Entries of one directory at most; more are no cluster's.
const MOST_LISTED: usize = 10_000_000;

/// A cluster behind a link.
pub struct RemotePgHost {
    settings: RemoteSettings,
    link: Arc<Link>,
    /// The data directory as the other host names it, once it has.
    path: OnceLock<PathBuf>,
}

impl fmt::Debug for RemotePgHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotePgHost")
            .field("host", &self.link.name().host)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl RemotePgHost {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(settings: RemoteSettings, link: Arc<Link>) -> Self {
        Self {
            settings,
            link,
            path: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<Arc<Client>> {
        let client = self.link.client()?;
        if self.path.get().is_none() {
            let Answer::Pg(cluster) = self.link.answer()? else {
                return Err(wrong_side(self.link.name()));
            };
            let _ = self.path.set(cluster.path);
        }
        Ok(client)
    }

    fn error(&self, error: &pgkeep_protocol::Error) -> Error {
        self.link.error(error)
    }

    fn call<A: DeserializeOwned>(&self, request: &ClusterRequest) -> Result<A> {
        let answer = self.client()?.call(Lane::Own, request);
        answer.map_err(|error| self.error(&error))
    }

    fn read(&self, request: &ClusterRequest) -> Result<Download> {
        let download = self.client()?.read(Lane::Own, request);
        download.map_err(|error| self.error(&error))
    }

    /// An error of this side as one of a storage, for whoever matches its kind.
    fn as_storage(&self, error: Error, operation: Operation, path: &StoragePath) -> StorageError {
        let kind = match error.code {
            ErrorCode::Term => ErrorKind::Cancelled,
            _ => ErrorKind::Connect,
        };
        let object = self.full_name(path);
        storage_error(None, error, kind, (operation, &object))
    }

    /// An error of the connection, or one that the other host has raised, as one of a storage.
    fn storage_error(
        &self,
        error: &pgkeep_protocol::Error,
        operation: Operation,
        path: &StoragePath,
    ) -> StorageError {
        let lowered = self.error(error);
        let kind = match (lowered.code, error.kind()) {
            (ErrorCode::Term, _) => ErrorKind::Cancelled,
            (_, pgkeep_protocol::ErrorKind::Raised) => ErrorKind::Broken,
            _ => ErrorKind::Connect,
        };
        let object = self.full_name(path);
        storage_error(error.raised(), lowered, kind, (operation, &object))
    }
}

impl PgHost for RemotePgHost {
    fn key(&self) -> u32 {
        self.settings.key
    }

    fn path(&self) -> &Path {
        self.path.get().unwrap_or(&self.settings.path)
    }

    fn display(&self, path: &StoragePath) -> String {
        let host = &self.link.name().host;
        let directory = self.path().display();
        match path.is_root() {
            true => format!("{host}:{directory}"),
            false => format!("{host}:{directory}/{path}"),
        }
    }

    fn has_latency(&self) -> bool {
        true
    }

    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>> {
        let request = ClusterRequest::Info {
            path: path.into(),
            level: level.into(),
        };
        let looked: Looked = self.call(&request)?;
        looked
            .entry
            .map(|entry| entry.named(path.clone()))
            .transpose()
    }

    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>> {
        let request = ClusterRequest::List {
            path: path.into(),
            level: level.into(),
        };
        let mut download = self.read(&request)?;
        let mut listed = Vec::new();
        loop {
            let part: Entries = download.answer().map_err(|error| self.error(&error))?;
            for entry in part.entries {
                listed.push(entry.info()?);
            }
            if listed.len() > MOST_LISTED {
                return Err(Error::new(
                    ErrorCode::Protocol,
                    format!(
                        "the directory '{}' has too many entries",
                        self.display(path)
                    ),
                ));
            }
            if let Some(found) = part.found {
                return Ok(found.then_some(listed));
            }
        }
    }

    fn listing(&self) -> &dyn Listing {
        self
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        let found: SpaceFound = self.call(&ClusterRequest::Space { path: path.into() })?;
        Ok(found.space.map(Into::into))
    }

    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>> {
        let request = ClusterRequest::ReadSmall {
            path: path.into(),
            limit,
        };
        let mut download = self.read(&request)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = download.next_chunk().map_err(|error| self.error(&error))? {
            bytes.extend(chunk);
            if bytes.len() as u64 > limit {
                return Err(Error::new(
                    ErrorCode::Protocol,
                    format!(
                        "{}: it sent more than {limit} bytes of '{}'",
                        self.link.name(),
                        self.display(path)
                    ),
                ));
            }
        }
        Ok(bytes)
    }

    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>> {
        let client = self.client()?;
        Ok(Box::new(file::RemoteFile::ask(
            &self.link,
            &client,
            request,
            &self.settings,
        )?))
    }

    fn connect(&self) -> Result<Box<dyn Session>> {
        let client = self.client()?;
        Ok(Box::new(session::RemoteSession::open(&self.link, &client)?))
    }
}

impl Listing for RemotePgHost {
    fn entry(&self, path: &StoragePath) -> pgkeep_storage::Result<Option<FileInfo>> {
        let failed = |error| self.as_storage(error, Operation::Info, path);
        let client = self.client().map_err(failed)?;
        let request = ClusterRequest::Entry { path: path.into() };
        let looked: Looked = client
            .call(Lane::Own, &request)
            .map_err(|error| self.storage_error(&error, Operation::Info, path))?;
        let entry = looked.entry.map(|entry| entry.named(path.clone()));
        entry.transpose().map_err(failed)
    }

    fn tree(
        &self,
        path: &StoragePath,
        each: &mut dyn FnMut(FileInfo) -> pgkeep_storage::Result<()>,
    ) -> pgkeep_storage::Result<Found> {
        let failed = |error| self.as_storage(error, Operation::List, path);
        let lost =
            |error: pgkeep_protocol::Error| self.storage_error(&error, Operation::List, path);
        let client = self.client().map_err(failed)?;
        let request = ClusterRequest::Tree { path: path.into() };
        let mut download = client.read(Lane::Own, &request).map_err(lost)?;
        loop {
            let part: Entries = download.answer().map_err(lost)?;
            for entry in part.entries {
                each(entry.info().map_err(failed)?)?;
            }
            match part.found {
                None => {}
                Some(true) => return Ok(Found::Found),
                Some(false) => return Ok(Found::Missing),
            }
        }
    }

    fn full_name(&self, path: &StoragePath) -> String {
        format!("{}:/{path}", self.link.name().host)
    }
}
