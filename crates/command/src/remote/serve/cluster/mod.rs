//! Serves a cluster of this host: each request of a client is a call of the local `PgHost`, and its answer.
//!
//! Whoever may back a cluster up may read what its account can read; `confine` still keeps a client to the data directory and
//! what its links lead to. Nothing here writes.

mod confine;

mod file;
mod session;

use std::sync::Arc;
use std::time::Duration;

use pgkeep_config::option;
use pgkeep_protocol::{Exchange, Service};
use pgkeep_storage::{FileInfo, Found};

use super::failure::{Failure, Served};
use confine::Confine;

use super::opened::Opened;
use crate::error::Result;
use crate::hosts::{PgHost, pg_host};
use crate::remote::rights::{Right, Rights};
use crate::remote::wire::cluster::{ClusterRequest, Looked, SpaceFound};
use crate::remote::wire::entry::Gathered;
use crate::remote::wire::greeting::{Answer, ClusterAnswer};
use crate::remote::wire::path::WireBytes;
use crate::run::context::Context;

/// The longest small file.
const SMALL: u64 = 1024 * 1024;

/// Opens the cluster of this run for a client with these rights.
pub(super) fn open(context: &Arc<Context>, rights: &Rights) -> Result<Opened> {
    // Reading the one cluster of the greeting, and its database, is one right.
    rights.require(Right::Backup, "a cluster")?;
    let host = pg_host::open(context, 1)?;
    let timeout = context.config.time(option::DB_TIMEOUT);
    let timeout = timeout.unwrap_or(Duration::from_secs(1800)).as_millis();
    let answer = ClusterAnswer {
        path: host.path().to_owned(),
        db_timeout: u64::try_from(timeout).unwrap_or(u64::MAX),
    };
    Ok(Opened {
        answer: Answer::Pg(answer),
        service: Box::new(ClusterService::new(host)),
    })
}

/// Answers the requests of one client.
pub(crate) struct ClusterService {
    host: Arc<dyn PgHost>,
    confine: Confine,
}

impl ClusterService {
    pub(crate) fn new(host: Arc<dyn PgHost>) -> Self {
        Self {
            confine: Confine::new(host.path()),
            host,
        }
    }

    fn answer(&self, request: ClusterRequest, exchange: &mut Exchange) -> Served<()> {
        let host = &*self.host;
        match request {
            ClusterRequest::Info { path, level } => {
                let entry = host.info(&path.path()?, level.into())?;
                let entry = entry.as_ref().map(Into::into);
                exchange.send(&Looked { entry })?;
            }
            ClusterRequest::List { path, level } => {
                let found = host.list(&path.path()?, level.into())?;
                let mut gathered = Gathered::default();
                for info in found.iter().flatten() {
                    if let Some(some) = gathered.add(info) {
                        exchange.send(&some)?;
                    }
                }
                exchange.send(&gathered.end(found.is_some()))?;
            }
            ClusterRequest::Entry { path } => {
                let path = self.confine.check(&path)?;
                let entry = host.listing().entry(&path)?;
                if let Some(info) = &entry {
                    self.confine.seen(&path, info);
                }
                let entry = entry.as_ref().map(Into::into);
                exchange.send(&Looked { entry })?;
            }
            ClusterRequest::Tree { path } => self.tree(&path, exchange)?,
            ClusterRequest::Space { path } => {
                let space = host.space(&path.path()?)?.map(Into::into);
                exchange.send(&SpaceFound { space })?;
            }
            ClusterRequest::ReadSmall { path, limit } => {
                let bytes = host.read_small(&path.path()?, limit.min(SMALL))?;
                std::io::Write::write_all(exchange, &bytes)
                    .map_err(pgkeep_protocol::Error::from_stream)?;
            }
            ClusterRequest::OpenFile(wanted) => file::send(host, wanted, exchange)?,
            // Has threads of its own.
            ClusterRequest::Connect {} => session::serve(host, exchange)?,
        }
        Ok(())
    }

    fn tree(&self, path: &WireBytes, exchange: &mut Exchange) -> Served<()> {
        let path = self.confine.check(path)?;
        let mut gathered = Gathered::default();
        let mut gone = None;
        let mut each = |info: FileInfo| {
            self.confine.seen(&path.join(info.name.as_bytes()), &info);
            let Some(some) = gathered.add(&info) else {
                return Ok(());
            };
            exchange.send(&some).map_err(|error| {
                gone = Some(error);
                // Only ends the walk; nobody sees it.
                pgkeep_storage::Error::new(
                    pgkeep_storage::ErrorKind::Cancelled,
                    pgkeep_storage::Operation::List,
                    "",
                    "",
                )
            })
        };
        let found = self.host.listing().tree(&path, &mut each);
        if let Some(error) = gone {
            return Err(error.into());
        }
        exchange.send(&gathered.end(found? == Found::Found))?;
        Ok(())
    }
}

impl Service for ClusterService {
    fn serve(&self, mut exchange: Exchange) {
        let answered = match exchange.receive::<ClusterRequest>() {
            Ok(request) => self.answer(request, &mut exchange),
            Err(error) => Err(error.into()),
        };
        match answered {
            Ok(()) => exchange.end(),
            Err(Failure(raised)) => exchange.fail(*raised),
        }
    }
}
