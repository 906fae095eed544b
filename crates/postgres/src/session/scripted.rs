//! A session for tests of upper layers: it expects the calls of a script, in order, and gives the script's answers.
//!
//! A call that the script does not have next is a fault of the test or of the code under test, so it panics and says what
//! was expected. Never used outside tests.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use super::{BackupStart, BackupStop, CancelHandle, Database, Health, Session, Tablespace};
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::version::PgVersion;
use crate::wal::segment::WalSegment;

/// A call that is expected, with the arguments that must come with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    IsInRecovery,
    TimeMs,
    CurrentWalFile,
    StartBackup { fast: bool },
    StopBackup,
    CreateRestorePoint(String),
    SwitchWal,
    Databases,
    Tablespaces,
    ReplayLsn,
    Checkpoint,
    CheckpointLsn,
    Health,
}

/// What a call is answered with; `Fail` fits every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    Bool(bool),
    Time(u64),
    Segment(WalSegment),
    Started(BackupStart),
    Stopped(BackupStop),
    Databases(Vec<Database>),
    Tablespaces(Vec<Tablespace>),
    Replay(Option<Lsn>),
    Lsn(Lsn),
    Health(Box<Health>),
    Fail(Error),
}

/// Answers from a script. What was asked when a real session opens is in public fields.
#[derive(Debug)]
pub struct ScriptedSession {
    pub version: PgVersion,
    pub data_directory: String,
    pub archive_mode: String,
    pub archive_command: String,
    pub checkpoint_timeout: Duration,
    pub timeout: Duration,
    pub standby: bool,
    /// Returned by `cancel_handle`.
    pub cancel: CancelHandle,
    script: VecDeque<(Call, Answer)>,
}

impl ScriptedSession {
    /// A primary of version 17 with archiving on, that expects these calls.
    pub fn new(script: impl IntoIterator<Item = (Call, Answer)>) -> Self {
        Self {
            version: PgVersion::V17,
            data_directory: "/pg".to_owned(),
            archive_mode: "on".to_owned(),
            archive_command: "pgbackrest --stanza=demo archive-push %p".to_owned(),
            checkpoint_timeout: Duration::from_secs(300),
            timeout: Duration::from_secs(1800),
            standby: false,
            cancel: CancelHandle::new(|| {}),
            script: script.into_iter().collect(),
        }
    }

    /// Adds a call to the end of the script.
    pub fn expect(&mut self, call: Call, answer: Answer) -> &mut Self {
        self.script.push_back((call, answer));
        self
    }

    /// Calls that are still expected.
    pub fn remaining(&self) -> usize {
        self.script.len()
    }

    /// Panics unless the whole script was played.
    #[track_caller]
    pub fn finish(&self) {
        assert!(
            self.script.is_empty(),
            "the script still expects {:?}",
            self.script
        );
    }

    #[track_caller]
    fn answer<T>(
        &mut self,
        call: Call,
        take: impl FnOnce(Answer) -> std::result::Result<T, Answer>,
    ) -> Result<T> {
        let Some((expected, answer)) = self.script.pop_front() else {
            panic!("the script has ended but {call:?} was called");
        };
        assert_eq!(call, expected, "the script expects another call");
        if let Answer::Fail(error) = answer {
            return Err(error);
        }
        take(answer).map_err(|answer| panic!("{answer:?} does not answer {call:?}"))
    }
}

macro_rules! answer {
    ($session:expr, $call:expr, $pattern:pat => $value:expr) => {
        $session.answer($call, |answer| match answer {
            $pattern => Ok($value),
            other => Err(other),
        })
    };
}

impl Session for ScriptedSession {
    fn server_version(&self) -> PgVersion {
        self.version
    }

    fn data_directory(&self) -> &str {
        &self.data_directory
    }

    fn archive_mode(&self) -> &str {
        &self.archive_mode
    }

    fn archive_command(&self) -> &str {
        &self.archive_command
    }

    fn checkpoint_timeout(&self) -> Duration {
        self.checkpoint_timeout
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn is_standby(&self) -> bool {
        self.standby
    }

    fn is_in_recovery(&mut self) -> Result<bool> {
        answer!(self, Call::IsInRecovery, Answer::Bool(value) => value)
    }

    fn time_ms(&mut self) -> Result<u64> {
        answer!(self, Call::TimeMs, Answer::Time(value) => value)
    }

    fn current_wal_file(&mut self) -> Result<WalSegment> {
        answer!(self, Call::CurrentWalFile, Answer::Segment(value) => value)
    }

    fn start_backup(&mut self, _label: &str, fast: bool) -> Result<BackupStart> {
        answer!(self, Call::StartBackup { fast }, Answer::Started(value) => value)
    }

    fn stop_backup(&mut self) -> Result<BackupStop> {
        answer!(self, Call::StopBackup, Answer::Stopped(value) => value)
    }

    fn create_restore_point(&mut self, name: &str) -> Result<()> {
        answer!(self, Call::CreateRestorePoint(name.to_owned()), Answer::Done => ())
    }

    fn switch_wal(&mut self) -> Result<WalSegment> {
        answer!(self, Call::SwitchWal, Answer::Segment(value) => value)
    }

    fn databases(&mut self) -> Result<Vec<Database>> {
        answer!(self, Call::Databases, Answer::Databases(value) => value)
    }

    fn tablespaces(&mut self) -> Result<Vec<Tablespace>> {
        answer!(self, Call::Tablespaces, Answer::Tablespaces(value) => value)
    }

    fn replay_lsn(&mut self) -> Result<Option<Lsn>> {
        answer!(self, Call::ReplayLsn, Answer::Replay(value) => value)
    }

    fn checkpoint(&mut self) -> Result<()> {
        answer!(self, Call::Checkpoint, Answer::Done => ())
    }

    fn checkpoint_lsn(&mut self) -> Result<Lsn> {
        answer!(self, Call::CheckpointLsn, Answer::Lsn(value) => value)
    }

    fn health(&mut self) -> Result<Health> {
        answer!(self, Call::Health, Answer::Health(value) => *value)
    }

    fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::session::RESTORE_POINT;

    #[test]
    fn script_answers_in_order_and_then_is_done() {
        let segment = WalSegment::parse("000000010000000000000002").unwrap();
        let mut session = ScriptedSession::new([
            (
                Call::CreateRestorePoint(RESTORE_POINT.to_owned()),
                Answer::Done,
            ),
            (Call::SwitchWal, Answer::Segment(segment)),
            (
                Call::TimeMs,
                Answer::Fail(Error::new(ErrorKind::Query, "lost")),
            ),
        ]);
        assert_eq!(session.switch_wal_for_archive(), Ok(segment));
        assert_eq!(session.time_ms().unwrap_err().message(), "lost");
        session.finish();
    }

    #[test]
    fn ping_notices_a_promotion() {
        let mut session = ScriptedSession::new([
            (Call::IsInRecovery, Answer::Bool(true)),
            (Call::IsInRecovery, Answer::Bool(false)),
            (Call::IsInRecovery, Answer::Bool(true)),
        ]);
        session.standby = true;
        assert_eq!(session.ping(), Ok(()));
        let error = session.ping().unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Mismatch, "standby is no longer in recovery")
        );
        session.standby = false;
        assert_eq!(
            session.ping().unwrap_err().message(),
            "primary has switched to recovery"
        );
    }

    #[test]
    #[should_panic(expected = "the script expects another call")]
    fn call_out_of_order_panics() {
        let _ = ScriptedSession::new([(Call::StopBackup, Answer::Done)]).databases();
    }

    #[test]
    #[should_panic(expected = "the script has ended but Databases was called")]
    fn call_beyond_the_end_panics() {
        let _ = ScriptedSession::new([]).databases();
    }
}
