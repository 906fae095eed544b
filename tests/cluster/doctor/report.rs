//! What `doctor` reports, as a program reads it.

use std::path::Path;

use pgkeep_testkit::run::run;
use serde_json::Value;

use crate::stage::{Result, Stage};

pub struct Report(pub Value);

impl Report {
    /// Runs it with the configuration of the stage. The exit status must be that of the findings.
    pub fn of(stage: &Stage<'_>, arguments: &[&str]) -> Result<Self> {
        Self::with(stage, &stage.config, arguments)
    }

    /// The same with another configuration.
    pub fn with(stage: &Stage<'_>, config: &Path, arguments: &[&str]) -> Result<Self> {
        let outcome = run(stage
            .program
            .command()
            .arg(format!("--config={}", config.display()))
            .args(["--output=json", "--log-level-console=off"])
            .args(arguments)
            .arg("doctor"))?;
        let report = match serde_json::from_str(&outcome.stdout) {
            Ok(value) => Self(value),
            Err(error) => return Err(format!("{error}: {outcome:?}").into()),
        };
        let worst = match (report.graded("fail").len(), report.graded("warn").len()) {
            (0, 0) => (0, "ok"),
            (0, _) => (1, "warn"),
            _ => (2, "fail"),
        };
        if (outcome.code, report.0["result"].as_str()) == (worst.0, Some(worst.1)) {
            Ok(report)
        } else {
            Err(format!("exit status {}:\n{:#}", outcome.code, report.0).into())
        }
    }

    pub fn findings(&self) -> &[Value] {
        self.0["check"].as_array().map_or(&[], Vec::as_slice)
    }

    fn graded(&self, result: &str) -> Vec<&Value> {
        self.findings()
            .iter()
            .filter(|finding| finding["result"] == result)
            .collect()
    }

    /// Names of the findings of this result, free space of this machine aside.
    pub fn with_result(&self, result: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .graded(result)
            .iter()
            .filter_map(|finding| finding["check"].as_str())
            .filter(|name| !name.ends_with("-space"))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// Exactly these fail, and exactly those warn; each says what mends it.
    pub fn must_be(&self, fail: &[&str], warn: &[&str]) -> Result<&Self> {
        for (result, expected) in [("fail", fail), ("warn", warn)] {
            let found = self.with_result(result);
            if found != expected {
                return Err(format!(
                    "{result}: expected {expected:?}, found {found:?}:\n{:#}",
                    self.0
                )
                .into());
            }
            if let Some(silent) = self
                .graded(result)
                .iter()
                .find(|finding| finding["mend"].as_str().is_none_or(str::is_empty))
            {
                return Err(format!("nothing mends {silent:#}").into());
            }
        }
        Ok(self)
    }

    /// The first finding of a check.
    pub fn finding(&self, check: &str) -> Result<&Value> {
        self.findings()
            .iter()
            .find(|finding| finding["check"] == check)
            .ok_or_else(|| format!("no '{check}' in:\n{:#}", self.0).into())
    }

    /// Fails unless the finding of a check says all of this.
    pub fn says(&self, check: &str, parts: &[&str]) -> Result<&Self> {
        let finding = self.finding(check)?;
        let said = format!("{} {}", finding["seen"], finding["mend"]);
        match parts.iter().find(|part| !said.contains(**part)) {
            None => Ok(self),
            Some(part) => Err(format!("no '{part}' in {finding:#}").into()),
        }
    }
}
