//! `--dry-run`: says of every backup whether it stays or goes, and why.
//!
//! Our own addition, so only users of our own program see it; under the name pgbackrest the output stays pgBackRest's.

use pgkeep_config::Program;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::retention::{Expired, Stays};
use pgkeep_repo::{BackupLabel, BackupType};

use super::Expire;
use super::settings::repo_option;

impl Expire<'_> {
    pub(super) fn explains(&self) -> bool {
        self.settings.dry_run && self.context.config.program() == Program::PgKeep
    }

    /// Says what pgBackRest says at `detail`, and why something stays.
    pub(super) fn explain(&self, text: &str) {
        if self.explains() {
            log::info!("{text}");
        } else {
            crate::detail!("{text}");
        }
    }

    /// `entries` are all backups; `full` and `diff` go.
    pub(super) fn tell_plan(
        &self,
        entries: &[BackupEntry],
        stays: &Stays,
        full: &[Expired],
        diff: &[Expired],
    ) {
        if !self.explains() {
            return;
        }
        for entry in entries {
            let label = &entry.label;
            let (goes, why) = self.fate(label, stays, full, diff);
            let verdict = if goes { "goes" } else { "stays" };
            self.explain(&format!("{}: {label} {verdict}: {why}", self.name));
        }
    }

    /// Whether a backup goes, and why it goes or stays.
    pub(super) fn fate(
        &self,
        label: &BackupLabel,
        stays: &Stays,
        full: &[Expired],
        diff: &[Expired],
    ) -> (bool, String) {
        let within = |sets: &[Expired]| {
            sets.iter()
                .find(|expired| expired.set.contains(label))
                .map(|expired| expired.set[0].clone())
        };
        if let Some(root) = within(full) {
            (true, self.why_it_goes(label, &root, &self.full_rule()))
        } else if let Some(root) = within(diff) {
            (true, self.why_it_goes(label, &root, &self.diff_rule()))
        } else if let Some(why) = stays.why(label) {
            (false, why.to_string())
        } else {
            (false, self.why_it_stays(label))
        }
    }

    fn why_it_goes(&self, label: &BackupLabel, root: &BackupLabel, rule: &str) -> String {
        if label == root {
            format!("not within {rule}")
        } else {
            format!("it belongs to {root}, which is not within {rule}")
        }
    }

    fn why_it_stays(&self, label: &BackupLabel) -> String {
        match (label.backup_type(), self.retention.diff) {
            (BackupType::Diff, Some(_)) => format!("within {}", self.diff_rule()),
            (BackupType::Full, _) => format!("within {}", self.full_rule()),
            _ => "the backup that it depends on stays".to_owned(),
        }
    }

    /// `repo1-retention-full=2`
    fn full_rule(&self) -> String {
        let name = repo_option(self.repository.key, "retention-full");
        match self.retention.full {
            None => format!("{name}, which is not set"),
            Some(days) if self.retention.by_time => format!("{name}={days} (days)"),
            Some(count) => format!("{name}={count}"),
        }
    }

    fn diff_rule(&self) -> String {
        let name = repo_option(self.repository.key, "retention-diff");
        match self.retention.diff {
            None => format!("{name}, which is not set"),
            Some(count) => format!("{name}={count}"),
        }
    }
}
