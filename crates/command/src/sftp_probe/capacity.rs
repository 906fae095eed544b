//! How much at once: connections, sessions on one of them, and how long an idle one lives.
//!
//! Connections are opened few at a time and never more than this program would use, so that a server's limits on
//! logins under way (`MaxStartups`) are not met and no penalty follows. Every one of them logs in.

use std::time::Duration;

use pgkeep_storage::sftp::SftpSettings;
use pgkeep_storage::sftp::examine::Examiner;

use crate::error::Result;
use crate::run::Context;

/// More connections than this are never used at a time.
pub(super) const MOST_CONNECTIONS: usize = 8;
/// Logins under way at a time.
const AT_ONCE: usize = 4;
/// More sessions than this on one connection bring nothing.
pub(super) const MOST_SESSIONS: usize = 16;

/// What the server allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Connections open at a time, up to [`MOST_CONNECTIONS`].
    pub(super) connections: usize,
    /// Why there were not more.
    pub(super) refused: Option<String>,
    /// Sessions on one connection, up to [`MOST_SESSIONS`].
    pub(super) sessions: usize,
    pub(super) idle: Idle,
}

/// What happened to a connection that was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Idle {
    NotTested,
    Alive(Duration),
    Dropped { after: Duration, why: String },
}

/// `first`: a connection that is open.
pub(super) fn examine(
    context: &Context,
    settings: &SftpSettings,
    first: &Examiner,
    idle: Duration,
) -> Result<Capacity> {
    let (connections, refused) = connections(settings);
    context.cancel.check()?;
    Ok(Capacity {
        connections,
        refused,
        sessions: sessions(settings, first),
        idle: wait(context, settings, idle)?,
    })
}

fn connections(settings: &SftpSettings) -> (usize, Option<String>) {
    let mut open: Vec<Examiner> = Vec::new();
    // The first is the caller's.
    while open.len() + 1 < MOST_CONNECTIONS {
        let more = (MOST_CONNECTIONS - 1 - open.len()).min(AT_ONCE);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..more)
                .map(|_| scope.spawn(|| Examiner::open_quiet(settings)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("connecting does not panic"))
                .collect()
        });
        let mut refused = None;
        for result in opened {
            match result {
                Ok(connection) => open.push(connection),
                Err(error) => refused = Some(error.reason),
            }
        }
        if refused.is_some() {
            return (open.len() + 1, refused);
        }
    }
    (open.len() + 1, None)
}

/// On a fresh connection, because the first one has sessions of its own.
fn sessions(settings: &SftpSettings, first: &Examiner) -> usize {
    match Examiner::open_quiet(settings) {
        Ok(fresh) => fresh.sessions(MOST_SESSIONS),
        Err(_) => first.sessions(MOST_SESSIONS),
    }
}

fn wait(context: &Context, settings: &SftpSettings, limit: Duration) -> Result<Idle> {
    const PIECE: Duration = Duration::from_secs(1);
    if limit.is_zero() {
        return Ok(Idle::NotTested);
    }
    let quiet = Examiner::open_quiet(settings)?;
    let start = context.clock.milliseconds();
    loop {
        let passed = context.clock.milliseconds().saturating_sub(start);
        let passed = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
        if passed >= limit {
            return Ok(Idle::Alive(limit));
        }
        if let Some(why) = quiet.wait_until_dropped(PIECE.min(limit - passed)) {
            let now = context.clock.milliseconds().saturating_sub(start);
            return Ok(Idle::Dropped {
                after: Duration::from_millis(u64::try_from(now).unwrap_or(0)),
                why,
            });
        }
        context.cancel.check()?;
    }
}
