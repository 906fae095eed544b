//! A cluster on the host that the command runs on: its files are read directly and its server is reached by a socket.

use std::fmt;
use std::io::{self, Read, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pgkeep_config::option;
use pgkeep_pipeline::Reread;
use pgkeep_postgres::session::{LibpqEnvironment, PgSession, Session, SessionSettings};
use pgkeep_repo::manifest::build::Listing;
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{
    FileInfo, InfoLevel, ListOptions, PipelineRead, Range, RateLimit, ReadOptions, Space, Storage,
    StoragePath,
};

use crate::error::Result;
use crate::hosts::pg_host::host::PgHost;
use crate::hosts::pg_host::read_file::{FileReceiver, OpenFile, ReadOutcome, ReadRequest};
use crate::hosts::rate_limits;
use crate::jobs::Buffers;
use crate::run::context::Context;

/// Bytes read from a file at once at most: what the hash and the codec then work on still lies in the cache.
const READ_MAX: usize = 256 * 1024;

/// A cluster of this host.
pub(super) struct LocalPgHost {
    key: u32,
    path: PathBuf,
    data: Arc<PosixStorage>,
    /// From the root: links lead out of the data directory.
    root: PosixStorage,
    session: SessionSettings,
    buffers: Buffers,
    limit: Option<Arc<RateLimit>>,
}

impl fmt::Debug for LocalPgHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPgHost")
            .field("key", &self.key)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl LocalPgHost {
    pub(super) fn new(context: &Context, key: u32, path: PathBuf) -> Self {
        Self {
            key,
            data: Arc::new(PosixStorage::at(&path)),
            root: PosixStorage::at("/"),
            path,
            session: session_settings(context, key),
            buffers: Buffers::default(),
            limit: rate_limits::of_cluster(context, key),
        }
    }

    /// Reads a part of a file once more. `None`: it cannot be read.
    fn reread(&self, path: StoragePath) -> Reread {
        let data = Arc::clone(&self.data);
        Arc::new(move |offset, part: &mut [u8]| {
            let length = Some(part.len() as u64);
            let options = ReadOptions {
                ranges: vec![Range { offset, length }],
                ..ReadOptions::default()
            };
            let mut read = data.open_read(&path, &options).ok()?;
            let mut filled = 0;
            while filled < part.len() {
                match read.read(&mut part[filled..]).ok()? {
                    0 => break,
                    got => filled += got,
                }
            }
            Some(filled)
        })
    }
}

/// How the server of the cluster with this key is reached.
fn session_settings(context: &Context, key: u32) -> SessionSettings {
    let config = &context.config;
    SessionSettings {
        socket_path: config
            .string_at(option::PG_SOCKET_PATH, key)
            .map(str::to_owned),
        port: config
            .integer_at(option::PG_PORT, key)
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(5432),
        database: config
            .string_at(option::PG_DATABASE, key)
            .unwrap_or("postgres")
            .to_owned(),
        user: config.string_at(option::PG_USER, key).map(str::to_owned),
        timeout: config
            .time(option::DB_TIMEOUT)
            .unwrap_or(Duration::from_secs(1800)),
        // pgBackRest's name: monitoring queries search for it.
        application_name: format!("pgBackRest [{}]", config.command().name()),
        os_user: context.user.name.clone(),
        home: context.user.home.clone(),
        environment: LibpqEnvironment::from_variables(&context.environment),
    }
}

impl PgHost for LocalPgHost {
    fn key(&self) -> u32 {
        self.key
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn display(&self, path: &StoragePath) -> String {
        self.data.display(path)
    }

    fn has_latency(&self) -> bool {
        false
    }

    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>> {
        Ok(self.data.info(path, level)?)
    }

    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>> {
        let options = ListOptions {
            level,
            ..ListOptions::default()
        };
        Ok(self.data.list(path, &options)?)
    }

    fn listing(&self) -> &dyn Listing {
        &self.root
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        Ok(self.data.space(path)?)
    }

    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.data
            .open_read(path, &ReadOptions::default())?
            .take(limit)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>> {
        let options = ReadOptions {
            expect: request.limit,
            ..ReadOptions::default()
        };
        let read = match self.data.open_read(&request.path, &options) {
            Ok(read) => Some(read.take(request.limit.unwrap_or(u64::MAX))),
            Err(error) if error.is_not_found() && request.may_be_missing => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Box::new(LocalFile {
            host: self,
            request,
            read,
        }))
    }

    fn connect(&self) -> Result<Box<dyn Session>> {
        Ok(Box::new(PgSession::open(&self.session)?))
    }
}

/// A file of this host.
struct LocalFile<'a> {
    host: &'a LocalPgHost,
    request: ReadRequest,
    /// `None`: it is gone.
    read: Option<Take<Box<dyn PipelineRead>>>,
}

impl OpenFile for LocalFile<'_> {
    fn deliver(self: Box<Self>, receiver: &mut dyn FileReceiver) -> Result<ReadOutcome> {
        let Self {
            host,
            request,
            read,
        } = *self;
        let Some(mut read) = read else {
            return Ok(ReadOutcome::Missing);
        };
        let most = (host.limit.as_ref()).map_or(READ_MAX, |limit| limit.piece().min(READ_MAX));
        let mut buffer = host.buffers.take(request.buffer_size.min(most));
        let outcome = deliver(host, request, &mut read, &mut buffer, receiver);
        host.buffers.put_back(buffer);
        outcome
    }
}

fn deliver(
    host: &LocalPgHost,
    request: ReadRequest,
    read: &mut dyn Read,
    buffer: &mut [u8],
    receiver: &mut dyn FileReceiver,
) -> Result<ReadOutcome> {
    let mut got = read.read(buffer)?;
    if got == 0 && request.skip_empty {
        return Ok(ReadOutcome::Empty);
    }
    let reread = request
        .pipeline
        .rereads()
        .then(|| host.reread(request.path));
    let mut running = request.pipeline.start_with(request.buffer_size, reread);
    while got > 0 {
        let bytes = &buffer[..got];
        match request.reports_only {
            true => running.push_into(bytes, &mut io::sink())?,
            false => running.push_into(bytes, receiver)?,
        }
        if let Some(limit) = &host.limit {
            limit.moved(got as u64)?;
        }
        receiver.progress(got as u64)?;
        got = read.read(buffer)?;
    }
    let reports = match request.reports_only {
        true => running.finish_into(&mut io::sink())?,
        false => running.finish_into(receiver)?,
    };
    Ok(ReadOutcome::Read(reports))
}

#[cfg(test)]
mod tests;
