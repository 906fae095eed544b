//! Status of a repository and of a stanza over all repositories, and what locks tell.

use crate::locks::LockData;

/// How a stanza stands in one repository or over all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    MissingPath,
    NoBackups,
    MissingData,
    Mixed,
    PgMismatch,
    BackupMissing,
    /// Something else; `[FileOpenError] …`.
    Other(String),
}

impl Status {
    pub(crate) fn code(&self) -> u64 {
        match self {
            Self::Ok => 0,
            Self::MissingPath => 1,
            Self::NoBackups => 2,
            Self::MissingData => 3,
            Self::Mixed => 4,
            Self::PgMismatch => 5,
            Self::BackupMissing => 6,
            Self::Other(_) => 99,
        }
    }

    /// The message shown for the stanza; an error's own text is shown for its repository only.
    pub(crate) fn message(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::MissingPath => "missing stanza path",
            Self::NoBackups => "no valid backups",
            Self::MissingData => "missing stanza data",
            Self::Mixed => "different across repos",
            Self::PgMismatch => "database mismatch across repos",
            Self::BackupMissing => "requested backup not found",
            Self::Other(_) => "other",
        }
    }

    /// The message shown for a repository.
    pub(crate) fn repository_message(&self) -> &str {
        match self {
            Self::Other(text) => text,
            other => other.message(),
        }
    }

    /// The status over all repositories: the common one, else mixed (from left to right, as pgBackRest does).
    pub(crate) fn over_all<'a>(mut of_repositories: impl Iterator<Item = &'a Status>) -> Self {
        let Some(first) = of_repositories.next() else {
            return Self::MissingPath;
        };
        of_repositories.fold(first.clone(), |all, next| {
            if all.code() == next.code() {
                next.clone()
            } else {
                Self::Mixed
            }
        })
    }
}

/// What a lock file says of a run; sizes are summed over repositories where several are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Running {
    pub(crate) held: bool,
    /// Bytes to copy; 0: not known (yet).
    pub(crate) size: u64,
    pub(crate) size_complete: u64,
}

impl Running {
    pub(crate) fn add(&mut self, lock: &LockData) {
        self.held = true;
        if let Some(size) = lock.size {
            self.size += size;
            self.size_complete += lock.size_complete.unwrap_or(0);
        }
    }

    /// ` - 12.34% complete`, or nothing while the size is not known.
    pub(crate) fn percent_text(&self) -> String {
        if self.size == 0 {
            String::new()
        } else {
            format!(" - {} complete", percent(self.size_complete, self.size))
        }
    }
}

/// `12.34%`
pub(crate) fn percent(done: u64, all: u64) -> String {
    let hundredths = if all == 0 {
        0
    } else {
        u128::from(done) * 10_000 / u128::from(all)
    };
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
