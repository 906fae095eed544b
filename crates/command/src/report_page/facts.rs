//! What the page tells: plain data, gathered once and shown as often as wanted.

use jiff::tz::TimeZone;

pub(crate) use crate::report::finding::Grade;

/// All of it.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it was gathered, seconds since 1970.
    pub(crate) at: i64,
    pub(crate) zone: TimeZone,
    pub(crate) host: String,
    /// Repositories that could not be asked which stanzas they hold, and why.
    pub(crate) unlisted: Vec<String>,
    pub(crate) stanzas: Vec<Stanza>,
    pub(crate) doctor: Doctor,
}

/// How something stands, best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    #[default]
    Ok,
    /// It works, and somebody should look.
    Warn,
    Fail,
}

/// One stanza.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stanza {
    pub(crate) name: String,
    pub(crate) state: State,
    /// `ok`, `no valid backups`, …
    pub(crate) status: String,
    /// What kept it from being read at all.
    pub(crate) error: Option<String>,
    /// Of PostgreSQL.
    pub(crate) version: Option<String>,
    /// What runs now: `backup, 12.3% complete`.
    pub(crate) running: Option<String>,
    pub(crate) repositories: Vec<Repository>,
    /// The newest last.
    pub(crate) drills: Vec<Drill>,
    /// Why they are not known.
    pub(crate) drills_error: Option<String>,
}

/// One stanza in one repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repository {
    pub(crate) key: u32,
    /// `posix /var/lib/pgbackrest`
    pub(crate) place: String,
    /// `None`: only the other host knows it, and did not say.
    pub(crate) cipher: Option<String>,
    pub(crate) state: State,
    /// `ok` or what is wrong.
    pub(crate) status: String,
    /// First and last WAL segment of each cluster: `17-1: 0000…01 to 0000…09`.
    pub(crate) wal: Vec<String>,
    /// Oldest first.
    pub(crate) sets: Vec<Set>,
    /// What can be restored; `None`: the WAL was not read.
    pub(crate) coverage: Option<Coverage>,
    /// Why it is not known.
    pub(crate) wal_error: Option<String>,
    pub(crate) retention: Retention,
    pub(crate) verify: Option<Verify>,
}

/// One backup set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) label: String,
    pub(crate) kind: Kind,
    /// Seconds since 1970.
    pub(crate) start: i64,
    pub(crate) stop: i64,
    /// Bytes of the cluster.
    pub(crate) size: u64,
    /// Bytes that it added to the repository.
    pub(crate) stored: u64,
    /// What it can be restored to, in words.
    pub(crate) restorable: String,
    pub(crate) state: State,
    /// Pins, locks, damaged pages and the like.
    pub(crate) notes: Vec<String>,
    /// What retention says of it.
    pub(crate) fate: Fate,
}

/// The type of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Full,
    Diff,
    Incr,
}

/// What becomes of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Retention was not asked, or could not be.
    #[default]
    Unknown,
    Stays(String),
    /// When, and why.
    Goes(String, String),
}

/// The moments that can be restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Without overlap, oldest first.
    pub(crate) spans: Vec<Span>,
    pub(crate) gaps: Vec<Gap>,
}

/// A stretch of moments that can be restored, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A stretch of moments that cannot, because WAL is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: i64,
    /// `None`: up to now.
    pub(crate) to: Option<i64>,
    /// First and last segment that are missing.
    pub(crate) first: String,
    pub(crate) last: String,
}

/// What retention says of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    /// The options that are set.
    pub(crate) rules: Vec<String>,
    /// Why nothing is known.
    pub(crate) error: Option<String>,
}

/// The last `verify` of the whole repository on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verify {
    pub(crate) at: i64,
    pub(crate) code: u8,
}

/// One drill on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drill {
    pub(crate) at: i64,
    pub(crate) passed: bool,
    pub(crate) label: String,
    pub(crate) restore_ms: Option<i64>,
    pub(crate) replay_ms: Option<i64>,
    /// Age of the last transaction that came back, seconds.
    pub(crate) age: Option<i64>,
    /// `ok`, or what failed.
    pub(crate) result: String,
}

/// What `doctor` says.
#[derive(Debug, Clone)]
pub(crate) enum Doctor {
    NotAsked,
    /// Why it could not look.
    Failed(String),
    Found(Vec<Finding>),
}

/// One of its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) grade: Grade,
    /// Stanza that it is about; `None`: the host or all.
    pub(crate) stanza: Option<String>,
    /// `main repo1`
    pub(crate) subject: String,
    pub(crate) title: &'static str,
    pub(crate) seen: String,
    pub(crate) means: &'static str,
    /// Command or setting; may be empty.
    pub(crate) mend: String,
}

impl Facts {
    /// The worst of all.
    pub(crate) fn state(&self) -> State {
        let stanzas = self.stanzas.iter().map(Stanza::worst);
        let findings = self.findings().iter().map(|finding| finding.grade.state());
        let doctor = match self.doctor {
            Doctor::Failed(_) => State::Warn,
            _ => State::Ok,
        };
        // Nothing is backed up.
        if self.stanzas.is_empty() || !self.unlisted.is_empty() {
            return State::Fail;
        }
        stanzas
            .chain(findings)
            .chain([doctor])
            .max()
            .unwrap_or_default()
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        match &self.doctor {
            Doctor::Found(findings) => findings,
            _ => &[],
        }
    }

    /// The state of a stanza, with what doctor found of it.
    pub(crate) fn state_of(&self, stanza: &Stanza) -> State {
        let about = |finding: &&Finding| finding.stanza.as_ref() == Some(&stanza.name);
        let findings = self.findings().iter().filter(about);
        findings
            .map(|finding| finding.grade.state())
            .chain([stanza.worst()])
            .max()
            .unwrap_or_default()
    }
}

impl Stanza {
    fn worst(&self) -> State {
        let repositories = self.repositories.iter().map(|one| one.state);
        let failed = self.drills.last().is_some_and(|drill| !drill.passed);
        let drill = failed || self.drills_error.is_some();
        repositories
            .chain([self.state])
            .chain(drill.then_some(State::Warn))
            .max()
            .unwrap_or_default()
    }

    /// The newest moment that any repository can restore, and since when without a break.
    pub(crate) fn newest(&self) -> Option<Span> {
        self.repositories
            .iter()
            .filter_map(|one| one.coverage.as_ref()?.spans.last().copied())
            .max_by_key(|span| span.to)
    }
}

impl Grade {
    pub(crate) fn state(self) -> State {
        match self {
            Self::Fail => State::Fail,
            Self::Warn => State::Warn,
            _ => State::Ok,
        }
    }
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Full, Self::Diff, Self::Incr];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Diff => "diff",
            Self::Incr => "incr",
        }
    }
}
