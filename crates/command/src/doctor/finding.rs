//! One result: which check, of what, how it ended, what was seen, and what mends it.

use super::check::Check;

/// How a check ended, mildest first. What is below [`Grade::Warn`] does not change the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    Ok,
    /// Could not be asked.
    NotTested,
    /// Something to know that may be wanted.
    Note,
    Warn,
    Fail,
}

impl Grade {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotTested => "not tested",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What a check is about; nothing: this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) stanza: Option<String>,
    pub(super) repo: Option<u32>,
    pub(super) pg: Option<u32>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) check: &'static Check,
    pub(super) subject: Subject,
    pub(super) grade: Grade,
    pub(super) seen: String,
    /// Command or setting; empty where there is nothing to mend.
    pub(super) mend: String,
}

impl Subject {
    pub(super) fn stanza(name: &str) -> Self {
        Self {
            stanza: Some(name.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn repo(&self, key: u32) -> Self {
        Self {
            repo: Some(key),
            ..self.clone()
        }
    }

    pub(super) fn pg(&self, key: u32) -> Self {
        Self {
            pg: Some(key),
            ..self.clone()
        }
    }

    /// `main repo1`
    pub(super) fn text(&self) -> String {
        let stanza = self.stanza.clone();
        let repo = self.repo.map(|key| format!("repo{key}"));
        let pg = self.pg.map(|key| format!("pg{key}"));
        let parts: Vec<String> = [stanza, repo, pg].into_iter().flatten().collect();
        if parts.is_empty() {
            "this host".to_owned()
        } else {
            parts.join(" ")
        }
    }

    pub(super) fn ok(&self, check: &'static Check, seen: impl Into<String>) -> Finding {
        self.graded(check, Grade::Ok, seen, "")
    }

    pub(super) fn not_tested(&self, check: &'static Check, why: impl Into<String>) -> Finding {
        self.graded(check, Grade::NotTested, why, "")
    }

    pub(super) fn note(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Note, seen, mend)
    }

    pub(super) fn warn(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Warn, seen, mend)
    }

    pub(super) fn fail(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Fail, seen, mend)
    }

    pub(super) fn graded(
        &self,
        check: &'static Check,
        grade: Grade,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        Finding {
            check,
            subject: self.clone(),
            grade,
            seen: seen.into(),
            mend: mend.into(),
        }
    }
}
