//! What `doctor` finds, taken over as it is.

use pgkeep_config::command::CommandId;

use super::facts::{Doctor, Finding};
use super::settings;
use crate::doctor;
use crate::error::{ErrorCode, Result};
use crate::hosts::storages::Storages;
use crate::report::finding;
use crate::run::{Context, begin};

/// Asks it about the stanza of the run, or all.
///
/// # Errors
/// The run was stopped.
pub(super) fn ask(context: &Context) -> Result<Doctor> {
    if !settings::asks_doctor(&context.config) {
        return Ok(Doctor::NotAsked);
    }
    let loaded = match context.config.as_command(CommandId::Doctor, None) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(Doctor::Failed(begin::lower(&error).text())),
    };
    let context = Context {
        storages: Storages::default(),
        ..context.with_config(loaded.config)
    };
    match doctor::findings(&context) {
        Ok(findings) => Ok(Doctor::Found(findings.iter().map(taken).collect())),
        Err(error) if error.code == ErrorCode::Term => Err(error),
        Err(error) => Ok(Doctor::Failed(error.text())),
    }
}

fn taken(found: &finding::Finding) -> Finding {
    let subject = found.subject.as_ref();
    Finding {
        grade: found.grade,
        stanza: subject.and_then(|subject| subject.stanza.clone()),
        subject: subject.map(finding::Subject::text).unwrap_or_default(),
        title: found.check.title,
        seen: found.seen.clone(),
        means: found.check.means,
        mend: found.mend.clone(),
    }
}
