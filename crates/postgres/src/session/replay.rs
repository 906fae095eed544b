//! Waiting until a standby has replayed a position and has a checkpoint there, so that its files can be copied.
//!
//! Time is counted in the pauses between questions, which the caller makes: it knows how to sleep and when to stop. The
//! caller also compares the standby's `pg_control` before (checkpoint not beyond the target) and after (timeline).

use std::time::Duration;

use super::{Session, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::lsn::Lsn;

/// Time between two questions.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How long is waited for a standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub timeout: Duration,
    /// The time runs anew whenever replay has made progress. Without it, a standby that follows far behind is given up too.
    pub renewed: bool,
}

/// Waits until the standby has replayed beyond `target`, then makes a checkpoint and waits until it is at `target` or
/// later. `pause` sleeps, or fails when the run is to stop.
pub fn wait(
    session: &mut dyn Session,
    target: Lsn,
    patience: Patience,
    pause: &mut dyn FnMut(Duration) -> Result<()>,
) -> Result<()> {
    wait_for_replay(session, target, patience, pause)?;
    session.checkpoint()?;
    wait_for_checkpoint(session, target, patience.timeout, pause)
}

fn wait_for_replay(
    session: &mut dyn Session,
    target: Lsn,
    patience: Patience,
    pause: &mut dyn FnMut(Duration) -> Result<()>,
) -> Result<()> {
    let mut waited = Duration::ZERO;
    let mut last: Option<Lsn> = None;
    loop {
        let reached = session.replay_lsn()?.ok_or_else(|| {
            let function = statement::replay_function(session.server_version());
            Error::new(
                ErrorKind::ReplayTimeout,
                format!("unable to query replay lsn on the standby using '{function}'"),
            )
            .hint("Is this a standby?")
        })?;
        if reached > target {
            return Ok(());
        }
        if patience.renewed && last.is_none_or(|last| reached > last) {
            waited = Duration::ZERO;
        }
        last = Some(reached);
        if waited >= patience.timeout {
            return Err(Error::new(
                ErrorKind::ReplayTimeout,
                format!("timeout before standby replayed to {target} - only reached {reached}"),
            )
            .hint("is replication running and current on the standby?")
            .hint("disable the 'backup-standby' option to backup directly from the primary."));
        }
        pause(PAUSE)?;
        waited += PAUSE;
    }
}

fn wait_for_checkpoint(
    session: &mut dyn Session,
    target: Lsn,
    timeout: Duration,
    pause: &mut dyn FnMut(Duration) -> Result<()>,
) -> Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        let reached = session.checkpoint_lsn()?;
        if reached >= target {
            return Ok(());
        }
        if waited >= timeout {
            return Err(Error::new(
                ErrorKind::ReplayTimeout,
                format!(
                    "timeout before standby checkpoint lsn reached {target} - only reached {reached}"
                ),
            ));
        }
        pause(PAUSE)?;
        waited += PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::scripted::{Answer, Call, ScriptedSession};

    fn replayed(lsn: u64) -> (Call, Answer) {
        (Call::ReplayLsn, Answer::Replay(Some(Lsn(lsn))))
    }

    fn waited(script: Vec<(Call, Answer)>, timeout: Duration) -> (Result<()>, u32) {
        let renewed = true;
        waited_with(script, Patience { timeout, renewed })
    }

    fn waited_with(script: Vec<(Call, Answer)>, patience: Patience) -> (Result<()>, u32) {
        let mut session = ScriptedSession::new(script);
        session.standby = true;
        let mut pauses = 0;
        let result = wait(&mut session, Lsn(100), patience, &mut |_| {
            pauses += 1;
            Ok(())
        });
        session.finish();
        (result, pauses)
    }

    #[test]
    fn replay_must_go_beyond_the_target_and_the_checkpoint_must_reach_it() {
        let script = vec![
            replayed(100),
            replayed(101),
            (Call::Checkpoint, Answer::Done),
            (Call::CheckpointLsn, Answer::Lsn(Lsn(99))),
            (Call::CheckpointLsn, Answer::Lsn(Lsn(100))),
        ];
        assert_eq!(waited(script, Duration::from_secs(1)), (Ok(()), 2));
    }

    #[test]
    fn progress_starts_the_time_anew_and_its_lack_ends_the_wait() {
        let script = [10, 10, 20, 20, 20].map(replayed).to_vec();
        let (result, pauses) = waited(script, PAUSE * 2);
        let error = result.unwrap_err();
        assert_eq!(
            error.message(),
            "timeout before standby replayed to 0/64 - only reached 0/14"
        );
        assert_eq!(
            (error.kind(), error.hints().len(), pauses),
            (ErrorKind::ReplayTimeout, 2, 4)
        );
    }

    #[test]
    fn whoever_does_not_want_to_wait_gives_up_a_standby_that_follows_far_behind() {
        let script = [10, 20, 30].map(replayed).to_vec();
        let patience = Patience {
            timeout: PAUSE * 2,
            renewed: false,
        };
        let (result, pauses) = waited_with(script, patience);
        let error = result.unwrap_err();
        assert_eq!(
            error.message(),
            "timeout before standby replayed to 0/64 - only reached 0/1E"
        );
        assert_eq!((error.kind(), pauses), (ErrorKind::ReplayTimeout, 2));
    }

    #[test]
    fn cluster_that_does_not_replay_is_no_standby() {
        let (result, _) = waited(vec![(Call::ReplayLsn, Answer::Replay(None))], PAUSE);
        let error = result.unwrap_err();
        assert_eq!(
            error.message(),
            "unable to query replay lsn on the standby using 'pg_catalog.pg_last_wal_replay_lsn()'"
        );
    }

    #[test]
    fn checkpoint_that_never_comes_is_reported() {
        let script = vec![
            replayed(200),
            (Call::Checkpoint, Answer::Done),
            (Call::CheckpointLsn, Answer::Lsn(Lsn(1))),
            (Call::CheckpointLsn, Answer::Lsn(Lsn(2))),
        ];
        let (result, _) = waited(script, PAUSE);
        assert_eq!(
            result.unwrap_err().message(),
            "timeout before standby checkpoint lsn reached 0/64 - only reached 0/2"
        );
    }
}
