//! A database session on another host. It lives as long as its session of the protocol, and ends with the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pgkeep_postgres::session::{
    BackupStart, BackupStop, CancelHandle, Database, Health, Session, Tablespace,
};
use pgkeep_postgres::{Error, ErrorKind, Lsn, PgVersion, Result, WalSegment};
use pgkeep_protocol::{Client, Exchange, Lane};

use crate::error::ErrorCode;
use crate::remote::link::Link;
use crate::remote::wire::cluster::ClusterRequest;
use crate::remote::wire::session::{SessionAnswer, SessionAsk, SessionOpened, backup_start, time};

/// Rows of one answer at most; more are no cluster's.
const MOST_ROWS: usize = 1_000_000;

/// A session with the server of a cluster behind a link.
pub(super) struct RemoteSession {
    link: Arc<Link>,
    exchange: Exchange,
    opened: SessionOpened,
    cancelled: Arc<AtomicBool>,
}

impl RemoteSession {
    /// Connects there and waits for it.
    pub(super) fn open(link: &Arc<Link>, client: &Client) -> crate::error::Result<Self> {
        let open = || {
            let mut exchange = client.open(Lane::Own)?;
            exchange.send(&ClusterRequest::Connect {})?;
            let opened = exchange.receive()?;
            Ok((exchange, opened))
        };
        let (exchange, opened) =
            open().map_err(|error: pgkeep_protocol::Error| link.error(&error))?;
        Ok(Self {
            link: Arc::clone(link),
            exchange,
            opened,
            cancelled: Arc::default(),
        })
    }

    /// The connection failed while the server was asked.
    fn lost(&self, error: &pgkeep_protocol::Error) -> Error {
        let lowered = self.link.error(error);
        if self.cancelled.load(Ordering::Relaxed) {
            return Error::new(ErrorKind::Cancelled, "the run was asked to stop");
        }
        if lowered.code == ErrorCode::Term {
            // Asked here or at the other host: it says which.
            return Error::new(ErrorKind::Cancelled, lowered.message);
        }
        let text = format!("the database session was lost: {}", lowered.message);
        let lost = Error::new(ErrorKind::Host, text);
        lowered.hints.into_iter().fold(lost, Error::hint)
    }

    fn ask(&mut self, ask: &SessionAsk) -> Result<SessionAnswer> {
        let sent = self.exchange.send(ask);
        sent.map_err(|error| self.lost(&error))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<SessionAnswer> {
        let answer = self.exchange.receive();
        match answer.map_err(|error| self.lost(&error))? {
            SessionAnswer::Failed(error) => Err(error.error(&self.link.name().raised_from())),
            answer => Ok(answer),
        }
    }

    /// An answer to something else.
    fn violation(&self) -> Error {
        let text = format!("{}: it answers what was not asked", self.link.name());
        Error::new(ErrorKind::Host, text)
    }

    fn segment(&mut self, ask: &SessionAsk) -> Result<WalSegment> {
        match self.ask(ask)? {
            SessionAnswer::Segment(name) => WalSegment::parse(&name),
            _ => Err(self.violation()),
        }
    }

    fn done(&mut self, ask: &SessionAsk) -> Result<()> {
        match self.ask(ask)? {
            SessionAnswer::Done => Ok(()),
            _ => Err(self.violation()),
        }
    }

    fn lsn(&mut self, ask: &SessionAsk) -> Result<Option<Lsn>> {
        match self.ask(ask)? {
            SessionAnswer::Lsn(lsn) => lsn.map(|lsn| lsn.parse()).transpose(),
            _ => Err(self.violation()),
        }
    }

    /// Gathers rows that come in several answers.
    fn rows<T, W: Into<T>>(
        &mut self,
        ask: &SessionAsk,
        part: impl Fn(SessionAnswer) -> Option<(Vec<W>, bool)>,
    ) -> Result<Vec<T>> {
        let mut answer = self.ask(ask)?;
        let mut all = Vec::new();
        loop {
            let (rows, more) = part(answer).ok_or_else(|| self.violation())?;
            all.extend(rows.into_iter().map(Into::into));
            if !more {
                return Ok(all);
            }
            if all.len() > MOST_ROWS {
                return Err(self.violation());
            }
            answer = self.answer()?;
        }
    }
}

impl Session for RemoteSession {
    fn server_version(&self) -> PgVersion {
        self.opened.version()
    }

    fn data_directory(&self) -> &str {
        &self.opened.data_directory
    }

    fn archive_mode(&self) -> &str {
        &self.opened.archive_mode
    }

    fn archive_command(&self) -> &str {
        &self.opened.archive_command
    }

    fn checkpoint_timeout(&self) -> Duration {
        self.opened.checkpoint_timeout()
    }

    fn timeout(&self) -> Duration {
        self.opened.timeout()
    }

    fn is_standby(&self) -> bool {
        self.opened.standby
    }

    fn is_in_recovery(&mut self) -> Result<bool> {
        match self.ask(&SessionAsk::IsInRecovery)? {
            SessionAnswer::Recovery(recovery) => Ok(recovery),
            _ => Err(self.violation()),
        }
    }

    fn time_ms(&mut self) -> Result<u64> {
        match self.ask(&SessionAsk::TimeMs)? {
            SessionAnswer::Time(now) => time(now),
            _ => Err(self.violation()),
        }
    }

    fn current_wal_file(&mut self) -> Result<WalSegment> {
        self.segment(&SessionAsk::CurrentWalFile)
    }

    fn start_backup(&mut self, label: &str, fast: bool) -> Result<BackupStart> {
        let label = label.to_owned();
        match self.ask(&SessionAsk::StartBackup { label, fast })? {
            SessionAnswer::Started {
                lsn,
                wal_file,
                time_ms,
            } => backup_start(&lsn, &wal_file, time_ms),
            _ => Err(self.violation()),
        }
    }

    fn stop_backup(&mut self) -> Result<BackupStop> {
        match self.ask(&SessionAsk::StopBackup)? {
            SessionAnswer::Stopped {
                lsn,
                wal_file,
                backup_label,
                tablespace_map,
                time_ms,
            } => Ok(BackupStop {
                lsn: lsn.parse()?,
                wal_file: WalSegment::parse(&wal_file)?,
                backup_label,
                tablespace_map,
                time_ms: time(time_ms)?,
            }),
            _ => Err(self.violation()),
        }
    }

    fn create_restore_point(&mut self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.done(&SessionAsk::CreateRestorePoint { name })
    }

    fn switch_wal(&mut self) -> Result<WalSegment> {
        self.segment(&SessionAsk::SwitchWal)
    }

    fn databases(&mut self) -> Result<Vec<Database>> {
        self.rows(&SessionAsk::Databases, |answer| match answer {
            SessionAnswer::Databases { rows, more } => Some((rows, more)),
            _ => None,
        })
    }

    fn tablespaces(&mut self) -> Result<Vec<Tablespace>> {
        self.rows(&SessionAsk::Tablespaces, |answer| match answer {
            SessionAnswer::Tablespaces { rows, more } => Some((rows, more)),
            _ => None,
        })
    }

    fn replay_lsn(&mut self) -> Result<Option<Lsn>> {
        self.lsn(&SessionAsk::ReplayLsn)
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.done(&SessionAsk::Checkpoint)
    }

    fn checkpoint_lsn(&mut self) -> Result<Lsn> {
        let lsn = self.lsn(&SessionAsk::CheckpointLsn)?;
        lsn.ok_or_else(|| self.violation())
    }

    fn health(&mut self) -> Result<Health> {
        match self.ask(&SessionAsk::Health)? {
            SessionAnswer::Health(health) => Ok((*health).into()),
            _ => Err(self.violation()),
        }
    }

    /// Gives the session up: the other host then cancels the statement. The call that waits for it returns when that is done.
    fn cancel_handle(&self) -> CancelHandle {
        let (cancelled, aborter) = (Arc::clone(&self.cancelled), self.exchange.aborter());
        CancelHandle::new(move || {
            cancelled.store(true, Ordering::Relaxed);
            aborter.abort();
        })
    }
}
