//! The result of one check: of what, how it ended, what was seen, and what mends it.

use super::check::Check;

/// How a check ended, mildest first. What is below [`Grade::Warn`] does not change the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Ok,
    /// Could not be asked.
    NotTested,
    /// Something to know that may be wanted.
    Note,
    Warn,
    Fail,
}

/// What a check is about; nothing: this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) stanza: Option<String>,
    pub(crate) repo: Option<u32>,
    pub(crate) pg: Option<u32>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: &'static Check,
    /// None where the whole report is about one thing.
    pub(crate) subject: Option<Subject>,
    pub(crate) grade: Grade,
    pub(crate) seen: String,
    /// Command or setting; empty where there is nothing to mend.
    pub(crate) mend: String,
}

impl Finding {
    /// For a report about one thing, and a check that says itself what mends it.
    pub(crate) fn new(check: &'static Check, grade: Grade, seen: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            grade,
            seen: seen.into(),
            mend: check.mend.to_owned(),
        }
    }

    /// Several checks that could not be made for the same reason.
    pub(crate) fn untested(checks: &[&'static Check], why: &str) -> Vec<Self> {
        checks
            .iter()
            .map(|check| Self::new(check, Grade::NotTested, why))
            .collect()
    }
}

impl Subject {
    pub(crate) fn stanza(name: &str) -> Self {
        Self {
            stanza: Some(name.to_owned()),
            ..Self::default()
        }
    }

    pub(crate) fn repo(&self, key: u32) -> Self {
        Self {
            repo: Some(key),
            ..self.clone()
        }
    }

    pub(crate) fn pg(&self, key: u32) -> Self {
        Self {
            pg: Some(key),
            ..self.clone()
        }
    }

    /// `main repo1`
    pub(crate) fn text(&self) -> String {
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

    pub(crate) fn ok(&self, check: &'static Check, seen: impl Into<String>) -> Finding {
        self.graded(check, Grade::Ok, seen, "")
    }

    pub(crate) fn not_tested(&self, check: &'static Check, why: impl Into<String>) -> Finding {
        self.graded(check, Grade::NotTested, why, "")
    }

    pub(crate) fn note(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Note, seen, mend)
    }

    pub(crate) fn warn(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Warn, seen, mend)
    }

    pub(crate) fn fail(
        &self,
        check: &'static Check,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        self.graded(check, Grade::Fail, seen, mend)
    }

    pub(crate) fn graded(
        &self,
        check: &'static Check,
        grade: Grade,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        Finding {
            check,
            subject: Some(self.clone()),
            grade,
            seen: seen.into(),
            mend: mend.into(),
        }
    }
}
