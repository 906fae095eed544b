//! A database session for a client: lives as long as its session of the protocol.
//!
//! Statements run on a thread of their own, so that a client that goes away does not have to be waited for: the statement is
//! then cancelled. Leaving closes the connection to PostgreSQL, which ends a backup that the session had started.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use pgkeep_postgres::Result as PgResult;
use pgkeep_postgres::session::{CancelHandle, Session};
use pgkeep_protocol::Exchange;

use crate::error::{Error, ErrorCode};
use crate::hosts::PgHost;
use crate::remote::serve::failure::{Failure, Served};
use crate::remote::wire::session::{MOST_ROWS, SessionAnswer, SessionAsk, SessionOpened};

/// How often is looked whether the client is still there while a statement runs.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the thread of the statements says.
enum Said {
    Opened(SessionOpened, CancelHandle),
    NotOpened(Error),
    Answers(Vec<SessionAnswer>),
}

/// Serves one database session until the client leaves it.
pub(super) fn serve(host: &dyn PgHost, exchange: &mut Exchange) -> Served<()> {
    std::thread::scope(|scope| {
        let (ask, asked) = channel();
        let (say, said) = channel();
        Builder::new()
            .name("database-session".to_owned())
            .spawn_scoped(scope, move || work(host, &asked, &say))
            .map_err(|error| {
                Error::new(
                    ErrorCode::Kernel,
                    format!("unable to start a thread: {error}"),
                )
            })?;
        converse(exchange, &ask, &said)
    })
}

/// The thread of the statements. Ends, and with it the session, when nothing more can be asked.
fn work(host: &dyn PgHost, asked: &Receiver<SessionAsk>, say: &Sender<Said>) {
    let mut session = match host.connect() {
        Ok(session) => session,
        Err(error) => {
            let _ = say.send(Said::NotOpened(error));
            return;
        }
    };
    let opened = SessionOpened::of(&*session);
    let _ = say.send(Said::Opened(opened, session.cancel_handle()));
    while let Ok(ask) = asked.recv() {
        let answers = answer(&mut *session, ask);
        let answers = answers.unwrap_or_else(|error| vec![SessionAnswer::Failed((&error).into())]);
        let _ = say.send(Said::Answers(answers));
    }
}

fn converse(
    exchange: &mut Exchange,
    ask: &Sender<SessionAsk>,
    said: &Receiver<Said>,
) -> Served<()> {
    let cancel = match wait(exchange, said, None)? {
        Said::Opened(opened, cancel) => {
            exchange.send(&opened)?;
            cancel
        }
        Said::NotOpened(error) => return Err(error.into()),
        Said::Answers(_) => return Err(lost()),
    };
    while let Some(question) = exchange.receive_next::<SessionAsk>()? {
        if ask.send(question).is_err() {
            return Err(lost());
        }
        let Said::Answers(answers) = wait(exchange, said, Some(&cancel))? else {
            return Err(lost());
        };
        for answer in &answers {
            exchange.send(answer)?;
        }
    }
    Ok(())
}

fn lost() -> Failure {
    Error::panicked().into()
}

/// Waits for the thread of the statements, and cancels the statement when the client has given the session up.
fn wait(exchange: &Exchange, said: &Receiver<Said>, cancel: Option<&CancelHandle>) -> Served<Said> {
    let mut cancel = cancel;
    loop {
        match said.recv_timeout(LOOK_EVERY) {
            Ok(said) => return Ok(said),
            Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            Err(RecvTimeoutError::Timeout) if exchange.is_given_up() => {
                if let Some(cancel) = cancel.take() {
                    cancel.cancel();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Asks the server; rows come in several answers.
fn answer(session: &mut dyn Session, ask: SessionAsk) -> PgResult<Vec<SessionAnswer>> {
    let one = match ask {
        SessionAsk::IsInRecovery => SessionAnswer::Recovery(session.is_in_recovery()?),
        SessionAsk::TimeMs => SessionAnswer::Time(session.time_ms()?),
        SessionAsk::CurrentWalFile => {
            SessionAnswer::Segment(session.current_wal_file()?.to_string())
        }
        SessionAsk::StartBackup { label, fast } => {
            SessionAnswer::started(session.start_backup(&label, fast)?)
        }
        SessionAsk::StopBackup => SessionAnswer::stopped(session.stop_backup()?),
        SessionAsk::CreateRestorePoint { name } => {
            session.create_restore_point(&name)?;
            SessionAnswer::Done
        }
        SessionAsk::SwitchWal => SessionAnswer::Segment(session.switch_wal()?.to_string()),
        SessionAsk::Databases => {
            return Ok(in_parts(session.databases()?, |rows, more| {
                SessionAnswer::Databases { rows, more }
            }));
        }
        SessionAsk::Tablespaces => {
            return Ok(in_parts(session.tablespaces()?, |rows, more| {
                SessionAnswer::Tablespaces { rows, more }
            }));
        }
        SessionAsk::ReplayLsn => {
            SessionAnswer::Lsn(session.replay_lsn()?.map(|lsn| lsn.to_string()))
        }
        SessionAsk::Checkpoint => {
            session.checkpoint()?;
            SessionAnswer::Done
        }
        SessionAsk::CheckpointLsn => {
            SessionAnswer::Lsn(Some(session.checkpoint_lsn()?.to_string()))
        }
        SessionAsk::Health => SessionAnswer::Health(Box::new(session.health()?.into())),
    };
    Ok(vec![one])
}

/// Rows in as many answers as they need, one at least.
fn in_parts<T, W: From<T>>(
    rows: Vec<T>,
    make: impl Fn(Vec<W>, bool) -> SessionAnswer,
) -> Vec<SessionAnswer> {
    let mut left = rows.len();
    let mut rows = rows.into_iter().map(W::from);
    let mut answers = Vec::new();
    loop {
        let part: Vec<W> = rows.by_ref().take(MOST_ROWS).collect();
        left -= part.len();
        answers.push(make(part, left > 0));
        if left == 0 {
            return answers;
        }
    }
}
