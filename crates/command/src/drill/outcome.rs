//! What a drill came to: times, sizes, the moment reached, and each proof.

use serde_json::{Value, json};

use super::settings::Settings;
use crate::error::{Error, ErrorCode};
use crate::report::size_text::size_text;
use crate::report::time_text::elapsed_text;
use crate::run::Context;
use crate::scratch::Plan;

/// How a proof ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed(ErrorCode),
    /// It could not be made here, and the text says why.
    Skipped,
}

/// One proof.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) text: String,
}

/// The drill so far.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Seconds since 1970.
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) plan: Option<Plan>,
    pub(super) restore_ms: Option<i64>,
    pub(super) replay_ms: Option<i64>,
    pub(super) proof_ms: Option<i64>,
    pub(super) segments: u64,
    /// Where replay ended.
    pub(super) lsn: Option<String>,
    /// Time of the last transaction that was replayed, seconds since 1970.
    pub(super) last_transaction: Option<i64>,
    pub(super) databases: Vec<String>,
    /// Databases that cannot be connected to, and why.
    pub(super) closed: Vec<String>,
    pub(super) proofs: Vec<Proof>,
    /// What ended it before all proofs were made.
    pub(super) error: Option<Error>,
}

impl Outcome {
    pub(super) fn passed(&mut self, name: &'static str, text: impl Into<String>) {
        self.note(name, Verdict::Passed, text);
    }

    pub(super) fn failed(&mut self, name: &'static str, code: ErrorCode, text: impl Into<String>) {
        self.note(name, Verdict::Failed(code), text);
    }

    pub(super) fn skipped(&mut self, name: &'static str, text: impl Into<String>) {
        self.note(name, Verdict::Skipped, text);
    }

    pub(super) fn note(&mut self, name: &'static str, verdict: Verdict, text: impl Into<String>) {
        let text = text.into();
        log::info!("{name}: {}: {text}", word(verdict));
        self.proofs.push(Proof {
            name,
            verdict,
            text,
        });
    }

    /// The error of the run: what ended it, or the first proof that failed.
    pub(super) fn error(&self) -> Option<Error> {
        let failed: Vec<&Proof> = self
            .proofs
            .iter()
            .filter(|proof| matches!(proof.verdict, Verdict::Failed(_)))
            .collect();
        if let Some(error) = &self.error {
            return Some(error.clone());
        }
        let Verdict::Failed(code) = failed.first()?.verdict else {
            return None;
        };
        let names: Vec<&str> = failed.iter().map(|proof| proof.name).collect();
        Some(
            Error::new(code, format!("the drill failed: {}", names.join(", "))).with_hint(
                "the report says what was found; verify reads every file of the repository.",
            ),
        )
    }

    /// Seconds between the last transaction that came back and the beginning of the drill.
    fn age(&self) -> Option<i64> {
        self.last_transaction
            .map(|last| self.start.saturating_sub(last).max(0))
    }

    /// The report for people.
    pub(super) fn text(&self, context: &Context, settings: &Settings) -> String {
        let mut text = format!("stanza: {}\n", settings.stanza);
        let mut line = |name: &str, value: String| text.push_str(&format!("    {name}: {value}\n"));
        if let Some(plan) = &self.plan {
            line("backup", format!("{} (repo{})", plan.label, plan.repo_key));
            line(
                "size",
                format!("{}, {} files", size_text(plan.size), plan.file_total),
            );
        }
        line("target", settings.scratch.moment());
        if let Some(ms) = self.restore_ms {
            line("time to restore", elapsed_text(ms));
        }
        if let Some(ms) = self.replay_ms {
            line(
                "time to replay",
                format!("{} ({} WAL segments)", elapsed_text(ms), self.segments),
            );
        }
        if let (Some(restore), Some(replay)) = (self.restore_ms, self.replay_ms) {
            line("recovery time", elapsed_text(restore + replay));
        }
        if let Some(lsn) = &self.lsn {
            line("reached", lsn.clone());
        }
        if let (Some(last), Some(age)) = (self.last_transaction, self.age()) {
            let age = elapsed_text(age.saturating_mul(1000));
            line(
                "last transaction",
                format!(
                    "{} ({age} before the drill)",
                    context.clock.offset_text(last)
                ),
            );
        }
        if !self.proofs.is_empty() {
            text.push_str("\n    proofs\n");
        }
        for proof in &self.proofs {
            let said = proof.text.replace('\n', "\n            ");
            text.push_str(&format!(
                "        {:7} {}: {said}\n",
                word(proof.verdict),
                proof.name
            ));
        }
        text.push_str(&format!("\n{}\n", self.conclusion()));
        text
    }

    /// What it came to, in a few words.
    pub(super) fn conclusion(&self) -> String {
        match (self.error(), &self.error) {
            (None, _) => {}
            (_, None) => return "not all proofs passed".to_owned(),
            (_, Some(_)) => return "the drill could not be finished, see the error".to_owned(),
        }
        let skipped: Vec<&str> = self
            .proofs
            .iter()
            .filter(|proof| proof.verdict == Verdict::Skipped)
            .map(|proof| proof.name)
            .collect();
        match skipped.as_slice() {
            [] => "all proofs passed".to_owned(),
            names => format!("no proof failed, but not made: {}", names.join(", ")),
        }
    }

    /// The report for programs: one object, in one line.
    pub(super) fn document(&self, settings: &Settings) -> Value {
        let plan = self.plan.as_ref();
        json!({
            "stanza": settings.stanza,
            "result": if self.error().is_none() { "ok" } else { "failed" },
            "timestamp": {"start": self.start, "stop": self.stop},
            "set": plan.map(Plan::set),
            "recovery": {"type": settings.scratch.kind, "target": settings.scratch.target},
            "time": {"restore-ms": self.restore_ms, "replay-ms": self.replay_ms, "proof-ms": self.proof_ms},
            "reached": {
                "lsn": self.lsn,
                "wal-total": self.segments,
                "last-transaction": self.last_transaction,
                "age": self.age(),
            },
            "database": self.databases,
            "database-closed": self.closed,
            "proof": self.proofs.iter().map(|proof| json!({
                "name": proof.name,
                "result": word(proof.verdict),
                "text": proof.text,
            })).collect::<Vec<_>>(),
            "error": self.error().map(|error| json!({
                "code": error.code.number(),
                "message": error.message,
                "hint": error.hints,
            })),
        })
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::Failed(_) => "failed",
        Verdict::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_that_was_not_made_is_not_said_to_have_passed() {
        let mut outcome = Outcome::default();
        outcome.passed("rows", "all");
        assert_eq!(outcome.conclusion(), "all proofs passed");
        outcome.skipped("pg_amcheck", "is not installed");
        assert_eq!(
            outcome.conclusion(),
            "no proof failed, but not made: pg_amcheck"
        );
        outcome.failed("page checksums", ErrorCode::Checksum, "one");
        assert_eq!(outcome.conclusion(), "not all proofs passed");
    }
}
