//! Reads every stanza, each with its own configuration, and asks doctor.

use std::collections::BTreeSet;

use pgkeep_config::command::CommandId;
use serde_json::Value;

use super::facts::{Drill, Facts, Stanza, State};
use super::settings::Places;
use super::{findings, repository};
use crate::drill::history;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::storages::Storages;
use crate::hosts::unanswered::Unanswered;
use crate::jobs::side_by_side;
use crate::run::progress::Doing;
use crate::run::{Context, begin};
use crate::stanzas::{self, StanzaReport, Status, WalRead, Wanted};

/// Stanzas that are read at a time, because one whose repository does not answer keeps the next one waiting. No more: as a rule they are
/// all on one host, which has a process for each.
const STANZAS: usize = 4;

/// Drills that are shown.
const DRILLS: usize = 10;

/// What the page tells. The context may be that of any command.
///
/// # Errors
/// The run was stopped; the state of a repository is no error.
pub fn gather(context: &Context) -> Result<Facts> {
    // Repositories are read up to three times: their stanzas, each stanza, and by doctor.
    let context = &Context {
        unanswered: Unanswered::remembered(),
        ..context.clone()
    };
    let doing = Doing::now(&context.progress, "reading the repositories");
    let (names, unlisted) = names(context)?;
    let names: Vec<String> = names.into_iter().collect();
    let read = side_by_side(&names, STANZAS, |name| {
        context.cancel.check()?;
        stanza(context, name)
    });
    let stanzas: Vec<Stanza> = read.into_iter().collect::<Result<_>>()?;
    doing.and("asking doctor");
    let doctor = findings::ask(context)?;
    let host = rustix::system::uname();
    Ok(Facts {
        at: context.clock.seconds(),
        zone: context.clock.zone().clone(),
        host: host.nodename().to_string_lossy().into_owned(),
        unlisted,
        stanzas,
        doctor,
    })
}

/// The stanza of the run; without one those of the configuration, and those that the repositories of all stanzas hold besides.
/// And which repositories do not tell.
fn names(context: &Context) -> Result<(BTreeSet<String>, Vec<String>)> {
    if let Some(name) = context.config.stanza() {
        return Ok((BTreeSet::from([name.to_owned()]), Vec::new()));
    }
    let mut names: BTreeSet<String> = context.config.stanzas().into_iter().collect();
    let mut unlisted = Vec::new();
    match found(context) {
        Ok(found) => {
            for report in found.iter().flat_map(|stanza| &stanza.repositories) {
                if let Status::Other(why) = &report.status {
                    unlisted.push(format!("repo{}: {why}", report.key));
                }
            }
            let is_there = |stanza: &StanzaReport| {
                let mut statuses = stanza.repositories.iter().map(|one| &one.status);
                statuses.any(|status| *status == Status::Ok)
            };
            names.extend(found.into_iter().filter(is_there).map(|stanza| stanza.name));
        }
        Err(error) if error.code == ErrorCode::Term => return Err(error),
        Err(error) => unlisted.push(error.text()),
    }
    // A stanza that is known tells of its repositories itself.
    if !names.is_empty() {
        unlisted.clear();
    }
    unlisted.dedup();
    Ok((names, unlisted))
}

/// What the repositories of all stanzas hold; nothing where none is configured.
fn found(context: &Context) -> Result<Vec<StanzaReport>> {
    let loaded = context.config.as_command(CommandId::Metrics, None);
    let config = loaded.map_err(|error| begin::lower(&error))?.config;
    if config.is_unconfigured() {
        return Ok(Vec::new());
    }
    let context = Context {
        storages: Storages::default(),
        ..context.with_config(config)
    };
    stanzas::read(&context, &Wanted::default())
}

fn stanza(context: &Context, name: &str) -> Result<Stanza> {
    let broken = |error: &Error| Stanza {
        name: name.to_owned(),
        state: State::Fail,
        status: "not read".to_owned(),
        error: Some(error.text()),
        ..Stanza::default()
    };
    let loaded = match context.config.as_command(CommandId::Metrics, Some(name)) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(broken(&begin::lower(&error))),
    };
    // Another stanza may have another place under the same key.
    let context = Context {
        storages: Storages::default(),
        ..context.with_config(loaded.config)
    };
    let wanted = Wanted {
        stanza: Some(name.to_owned()),
        full: true,
        wal: WalRead::AllIfPossible,
        ..Wanted::default()
    };
    let report = match stanzas::read(&context, &wanted) {
        Ok(reports) => reports.into_iter().next(),
        Err(error) if error.code == ErrorCode::Term => return Err(error),
        Err(error) => return Ok(broken(&error)),
    };
    let Some(report) = report else {
        let missing = Error::new(ErrorCode::OptionInvalid, "no repository is configured");
        return Ok(broken(&missing));
    };
    let places = Places::of(&context.config);
    let mut repositories = Vec::new();
    for one in &report.repositories {
        context.cancel.check()?;
        repositories.push(repository::facts(&context, name, &places, one)?);
    }
    let status = report.status(true);
    let drills = history::read(&places.log_path, name);
    Ok(Stanza {
        name: name.to_owned(),
        state: repository::state(&status),
        status: status.message().to_owned(),
        error: None,
        version: report.current().map(|entry| entry.version.clone()),
        running: running(&report),
        repositories,
        drills: shown(drills.as_deref().unwrap_or_default()),
        drills_error: drills.err().map(|error| error.text()),
    })
}

/// `backup - 12.34% complete`
fn running(report: &StanzaReport) -> Option<String> {
    let told = [("backup", report.backup()), ("restore", report.restore)];
    let held: Vec<String> = told
        .into_iter()
        .filter(|(_, running)| running.held)
        .map(|(what, running)| format!("{what}{}", running.percent_text()))
        .collect();
    (!held.is_empty()).then(|| held.join(", "))
}

/// The last of them.
fn shown(drills: &[Value]) -> Vec<Drill> {
    drills[drills.len().saturating_sub(DRILLS)..]
        .iter()
        .map(|drill| Drill {
            at: drill["timestamp"]["stop"].as_i64().unwrap_or(0),
            passed: drill["result"] == "ok",
            label: drill["set"]["label"].as_str().unwrap_or("-").to_owned(),
            restore_ms: drill["time"]["restore-ms"].as_i64(),
            replay_ms: drill["time"]["replay-ms"].as_i64(),
            age: drill["reached"]["age"].as_i64(),
            result: match drill["error"]["message"].as_str() {
                Some(message) => history::one_line(message),
                None => "ok".to_owned(),
            },
        })
        .collect()
}
