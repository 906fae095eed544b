//! Hooks: the program that the user wants to be run after an event, with the facts on its standard input.
//!
//! A hook never changes what a run comes to: whatever goes wrong with it is a warning. It is run once the locks are released, gets
//! none of our descriptors and no secret, and is not waited for longer than its time.

mod program;
mod settings;
mod trouble;

use pgkeep_config::command::Role;
use serde_json::{Map, Value, json};

use crate::error::ErrorCode;
use crate::run::Context;
use crate::run::run_result::RunResult;
use settings::Settings;
use trouble::{Turn, told_of, was_not_told};

/// The fact of a push that dropped WAL, and why.
pub const DROPPED: &str = "dropped";

/// Runs the hook for a command that has ended, if there is one.
pub fn run(context: &Context, result: &RunResult) {
    if context.config.role() != Role::Main {
        return;
    }
    let Some(settings) = Settings::from(context, &result.command) else {
        return;
    };
    // One that runs a command with a hook, perhaps the same, would start processes without end: each hook is a group of its own, so
    // that killing the first one reaches none of those that follow.
    if context.environment.contains_key(program::EVENT) {
        log::warn!(
            "{} '{}' is not run, because a hook has run this command",
            settings.option,
            settings.program.display()
        );
        return;
    }
    let mut fields = result.fields();
    if settings.only_changes {
        match archiving(context, result, &mut fields) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                // Without a note of it each push would tell it again.
                log::warn!("'{}' is not run: {}", settings.option, error.text());
                return;
            }
        }
    }
    let has_failed = fields["outcome"] == "failed";
    let mut document = Map::new();
    document.insert("event".to_owned(), settings.event.into());
    document.insert("stanza".to_owned(), result.stanza.clone().into());
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    document.insert("host".to_owned(), host.into());
    document.append(&mut fields);
    if let Err(why) = program::run(context, &settings, &Value::Object(document)) {
        log::warn!("{} '{}' {why}", settings.option, settings.program.display());
        let begins = settings.only_changes && has_failed;
        if begins && let Err(error) = was_not_told(context) {
            log::warn!("'{}' is not tried again: {}", settings.option, error.text());
        }
    }
}

/// Whether archiving begins to fail, or works again; the fields tell it.
fn archiving(
    context: &Context,
    result: &RunResult,
    fields: &mut Map<String, Value>,
) -> crate::error::Result<bool> {
    let dropped = result.facts.get(DROPPED);
    let failed = match &result.error {
        // The server is being stopped: that says nothing of archiving.
        Some(error) if error.code == ErrorCode::Term => return Ok(false),
        Some(_) => true,
        None => dropped.is_some(),
    };
    let Some(turn) = told_of(context, failed)? else {
        return Ok(false);
    };
    if let (Turn::Begins, Some(why), None) = (&turn, dropped, &result.error) {
        // PostgreSQL was told that it is archived, and nobody has it.
        fields.insert("outcome".to_owned(), "failed".into());
        let error = json!({"code": 0, "message": why, "hint": []});
        fields.insert("error".to_owned(), error);
    }
    if let Turn::Ends { since } = turn {
        fields.insert("since".to_owned(), since.into());
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
