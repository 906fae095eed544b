//! A cluster on another host over a connection in memory: what every host of a cluster does, and what a connection adds.
#![allow(clippy::disallowed_methods)] // makes links as somebody else does

mod files;
mod sessions;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use pgkeep_config::Program;
use pgkeep_pipeline::block::{BlockMap, BlockSettings};
use pgkeep_pipeline::{CompressType, Report, Sha1Digest, Stage};
use pgkeep_postgres::session::{
    BackupStart, BackupStop, CancelHandle, Database, Health, RESTORE_POINT, ScriptedSession,
    Tablespace,
    scripted::{Answer as Said, Call},
};
use pgkeep_postgres::{Lsn, PgVersion, WalSegment};
use pgkeep_testkit::data_dir::DataDirBuilder;
use tempfile::TempDir;

use super::*;
use crate::hosts::pg_host::conformance::{self, Received, cluster, read, request};
use crate::hosts::pg_host::local::LocalPgHost;
use crate::hosts::pg_host::read_file::ReadOutcome;
use crate::remote::in_memory::InMemory;
use crate::remote::serve::cluster::ClusterService;
use crate::remote::wire::greeting::{ClusterAnswer, Side};
use crate::run::test_context;

/// A local cluster whose sessions are made up.
#[derive(Debug)]
struct Scripted {
    local: LocalPgHost,
    sessions: Mutex<VecDeque<Made>>,
}

struct Made(Box<dyn Session>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl PgHost for Scripted {
    fn key(&self) -> u32 {
        self.local.key()
    }

    fn path(&self) -> &Path {
        self.local.path()
    }

    fn display(&self, path: &StoragePath) -> String {
        self.local.display(path)
    }

    fn has_latency(&self) -> bool {
        self.local.has_latency()
    }

    fn info(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<FileInfo>> {
        self.local.info(path, level)
    }

    fn list(&self, path: &StoragePath, level: InfoLevel) -> Result<Option<Vec<FileInfo>>> {
        self.local.list(path, level)
    }

    fn listing(&self) -> &dyn Listing {
        self.local.listing()
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.local.space(path)
    }

    fn read_small(&self, path: &StoragePath, limit: u64) -> Result<Vec<u8>> {
        self.local.read_small(path, limit)
    }

    fn open_file(&self, request: ReadRequest) -> Result<Box<dyn OpenFile + '_>> {
        self.local.open_file(request)
    }

    fn connect(&self) -> Result<Box<dyn Session>> {
        match self.sessions.lock().unwrap().pop_front() {
            Some(Made(session)) => Ok(session),
            None => Err(Error::new(
                ErrorCode::DbConnect,
                "unable to connect to 'dbname='postgres' port=5432'",
            )
            .with_hint("is the server running?")),
        }
    }
}

/// A cluster on another host, and that host.
struct Fixture {
    dir: TempDir,
    there: Arc<InMemory>,
    host: RemotePgHost,
}

impl Fixture {
    fn new(files: DataDirBuilder, sessions: Vec<Box<dyn Session>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pg");
        files.build(&path).unwrap();
        let context = test_context::new(Program::PgKeep, "backup", &["--pg1-path=/pg"]);
        let served = Scripted {
            local: LocalPgHost::new(&context, 1, path.clone()),
            sessions: Mutex::new(sessions.into_iter().map(Made).collect()),
        };
        let answer = Answer::Pg(ClusterAnswer {
            path,
            db_timeout: 1000,
        });
        let there = InMemory::new(ClusterService::new(Arc::new(served)), answer, 2);
        let host = Self::host(&there, 1);
        Self { dir, there, host }
    }

    fn host(there: &Arc<InMemory>, network_level: i32) -> RemotePgHost {
        let settings = RemoteSettings {
            key: 2,
            path: PathBuf::from("/configured"),
            network_level,
            limit: None,
        };
        RemotePgHost::new(settings, there.link(Side::Pg, "backup"))
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("pg")
    }
}

fn fixture() -> Fixture {
    Fixture::new(cluster(), Vec::new())
}

/// Cuts the connection at the first write, the second, … until `run` is through without a cut. Returns how many it took.
fn every_cut(fixture: &Fixture, mut run: impl FnMut(&RemotePgHost) -> Result<()>) -> usize {
    for at in 1..10_000 {
        let host = Fixture::host(&fixture.there, 0);
        fixture.there.cut.set(at);
        let result = run(&host);
        let cut = fixture.there.cut.happened();
        fixture.there.cut.set(0);
        match result {
            // The goodbye may be what was cut.
            Ok(()) if !cut => return at,
            Ok(()) => {}
            Err(error) => {
                assert!(cut, "{error}");
                assert_eq!(error.code, ErrorCode::Protocol, "{error}");
                assert!(error.message.contains("on 'other'"), "{error}");
                // The next job makes the connection anew.
                run(&host).unwrap();
            }
        }
        drop(host);
        fixture.there.wait_idle();
    }
    panic!("it never ends")
}
