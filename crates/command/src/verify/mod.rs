//! `verify`: reads everything in a repository and says what is damaged or missing.
//!
//! Results are pgBackRest's, and so is the exit status as `pgbackrest`: 0, whatever was found. As `pgkeep` the run ends with
//! the code of the gravest finding ([`findings`]). Two results are more truthful than pgBackRest's: a backup that refers to a
//! damaged file in a bundle is invalid too, and WAL whose first segment is damaged does not end the run.

mod document;
mod file;
mod findings;
mod give_out;
mod info;
mod last_line;
pub(crate) mod last_run;
mod manifest;
mod memory;
mod met;
mod moments;
mod place;
mod read_all;
mod record;
mod render;
mod result;
mod scope;
mod settings;
mod skipped;
#[cfg(test)]
mod tests;
mod turn;
mod turns;
mod unit;
mod verdicts;
mod wal;
mod work;

use pgkeep_config::Program;
use pgkeep_repo::{ArchiveId, layout};
use pgkeep_storage::InfoLevel;
use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    Repository, repository,
    stanza_info::{self, StanzaInfo},
};
use crate::run::Context;
use findings::Findings;
use last_run::LastRun;
use result::{Outcome, Results};
use scope::Scope;
use settings::{Print, Settings};
use work::Work;

/// Verifies all repositories, as `pgbackrest` only the first; with `--repo` that one.
///
/// # Errors
/// A repository that cannot be reached or read at all; as `pgkeep` also when something is wrong in one. Then the others were
/// verified all the same.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let keys = keys(context, &settings)?;
    let mut failed = Vec::new();
    let mut told = Vec::new();
    for repo_key in keys {
        let settings = Settings {
            repo_key,
            ..settings.clone()
        };
        let error = match one(context, &settings, &mut told) {
            Ok(None) => continue,
            Ok(Some(found)) => {
                // What is wrong counts more than that the run was stopped before it had seen all.
                context.summary.keep_error();
                found
            }
            Err(error) if context.cancel.signal().is_some() => {
                if failed.is_empty() {
                    return Err(error);
                }
                break;
            }
            Err(error) => error,
        };
        failed.push(match settings.named {
            true => error.with_prefix(&format!("repo{repo_key}: ")),
            false => error,
        });
    }
    context.summary.fact("repo", told);
    one_error(failed)
}

/// The repositories to verify. A set is verified where there is one of its name.
fn keys(context: &Context, settings: &Settings) -> Result<Vec<u32>> {
    let first = vec![settings.repo_key];
    if context.config.program() != Program::PgKeep {
        return Ok(first);
    }
    let all = repository::keys(&context.config);
    let Some(set) = &settings.set else {
        return Ok(all);
    };
    if all.len() < 2 || set.contains('/') {
        return Ok(first);
    }
    let path = layout::backup_path(&settings.stanza).join(set.as_str());
    let mut having = Vec::new();
    for key in all {
        let storage = repository::open(context, key)?.storage;
        if storage.info(&path, InfoLevel::Exists)?.is_some() {
            having.push(key);
        }
    }
    Ok(if having.is_empty() { first } else { having })
}

/// One error of several repositories, with the code of the gravest.
fn one_error(mut failed: Vec<Error>) -> Result<()> {
    if failed.len() < 2 {
        return failed.pop().map_or(Ok(()), Err);
    }
    let mut codes = Findings::default();
    failed.iter().for_each(|error| codes.note(error.code));
    let messages: Vec<&str> = failed.iter().map(|error| error.message.as_str()).collect();
    let code = codes.gravest().unwrap_or(failed[0].code);
    let mut error = Error::new(code, messages.join("\n"));
    for hint in failed.into_iter().flat_map(|error| error.hints) {
        if !error.hints.contains(&hint) {
            error.hints.push(hint);
        }
    }
    Err(error)
}

/// Verifies one repository. Returns what `pgkeep` ends with if something is not in order.
///
/// `told` gets the facts.
fn one(context: &Context, settings: &Settings, told: &mut Vec<Value>) -> Result<Option<Error>> {
    let began = context.clock.milliseconds();
    let repository = repository::open(context, settings.repo_key)?;
    let mut findings = Findings::default();
    let outcome = verify(context, settings, &repository, &mut findings)?;
    let ours = context.config.program() == Program::PgKeep;
    let code = findings.gravest().map_or(0, ErrorCode::number);
    told.push(last_line::facts(repository.key, code, &outcome));
    let ended = match &outcome {
        Outcome::Results(results) => results.ended.clone(),
        Outcome::Note(_) => None,
    };
    if let Some(ended) = &ended
        && (findings.gravest().is_none() || !ours)
    {
        if settings.age.is_some() {
            context
                .summary
                .stopped("what was read is remembered: the next run goes on there");
        }
        return Err(ended.clone());
    }
    // As pgkeep the status is that of the exit code; pgBackRest leaves some findings out of it.
    let sound = if ours {
        findings.gravest().is_none()
    } else {
        findings.count() == 0
    };
    let status = if sound { "ok" } else { "error" };
    if settings.verbose || !sound || (ours && settings.print == Print::Text) {
        let place = match settings.named {
            true => format!(" in {}", repository.name()),
            false => String::new(),
        };
        let mut text = format!("stanza: {}{place}\nstatus: {status}", settings.stanza);
        match &outcome {
            Outcome::Note(note) => text.push_str(note),
            Outcome::Results(results) => {
                text.push_str(&render::render(results, settings.verbose));
                if ours {
                    text.push_str(&moments::render(context, results));
                    text.push_str(&skipped::text(context, settings, results));
                }
            }
        }
        if let Some(ended) = &ended {
            text.push_str(&format!("\n  not everything was read: {}", ended.message));
        }
        if ours {
            for line in findings.unusable() {
                text.push_str(&format!("\n  {line}"));
            }
        }
        log::info!("{text}");
        if settings.print == Print::Text {
            context.output.text(&format!("{text}\n"))?;
        }
    }
    if settings.print == Print::Json {
        let document = document::render(settings, &findings, &outcome);
        context.output.text(&format!("{document}\n"))?;
    }
    match findings.gravest() {
        Some(code) if ours => Ok(Some(not_in_order(&repository, settings, code, ended))),
        _ => {
            if let Outcome::Results(results) = &outcome {
                let milliseconds = context.clock.milliseconds() - began;
                context
                    .summary
                    .done(last_line::text(settings, results, milliseconds));
            }
            Ok(None)
        }
    }
}

fn not_in_order(
    repository: &Repository,
    settings: &Settings,
    code: ErrorCode,
    ended: Option<Error>,
) -> Error {
    let rest = ended.map_or(String::new(), |ended| {
        format!(", and not everything was read: {}", ended.message)
    });
    let (name, stanza) = (repository.name(), &settings.stanza);
    Error::new(
        code,
        format!("{name} of stanza '{stanza}' is not in order{rest}"),
    )
    .with_hint(match settings.print {
        Print::Nothing => {
            "--output=text shows what is damaged or missing; the log has it at level info."
        }
        _ => "the result above names what is damaged or missing.",
    })
}

/// Verifies a repository.
fn verify(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    findings: &mut Findings,
) -> Result<Outcome> {
    let (archive, backup) = match info::load(repository, &settings.stanza, findings)? {
        Ok((archive, backup)) => (archive, backup),
        Err(text) => return Ok(Outcome::Note(text)),
    };
    let info = StanzaInfo { archive, backup };
    if let Err(error) = check_histories(&info) {
        findings.add(error.code);
        return Ok(Outcome::Note(format!("\n{}", error.text())));
    }
    let scope = match Scope::of(settings, repository, &info, findings)? {
        Ok(scope) => scope,
        Err(text) => return Ok(Outcome::Note(text)),
    };
    if scope.archives.is_empty() && scope.backups.is_empty() {
        return Ok(Outcome::Note(
            "\n    no archives or backups exist in the repo".to_owned(),
        ));
    }
    if scope.archives.is_empty() || scope.backups.is_empty() {
        crate::detail!(
            "no {} exist in the repo",
            if scope.archives.is_empty() {
                "archives"
            } else {
                "backups"
            }
        );
    }
    check_archives(&scope, &info, findings);
    let work = Work {
        context,
        settings,
        repository,
        info: &info,
        scope,
    };
    let results = read_all::read_all(&work, findings)?;
    remember(context, settings, repository, findings, &results);
    Ok(Outcome::Results(results))
}

/// Writes down how a run over the whole repository ended. As pgbackrest nothing is written that pgBackRest does not write.
fn remember(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    findings: &Findings,
    results: &Results,
) {
    let whole = settings.set.is_none() && results.ended.is_none();
    if let (Some(spool_path), true, Program::PgKeep) =
        (&settings.spool_path, whole, context.config.program())
    {
        let code = findings.gravest().map_or(0, ErrorCode::number);
        let last = LastRun::new(
            place::of(context, repository),
            context.clock.seconds(),
            code,
        );
        last_run::write(spool_path, &settings.stanza, repository.key, &last);
    }
}

/// Both files name the same cluster and the same clusters before it: else nobody knows which is right.
fn check_histories(info: &StanzaInfo) -> Result<()> {
    stanza_info::check_match(info)?;
    let key = |history: &pgkeep_repo::PgHistory| -> Vec<(u32, u64, String)> {
        history
            .entries()
            .iter()
            .map(|entry| (entry.id, entry.system_id, entry.version.clone()))
            .collect()
    };
    if key(&info.archive.history) == key(&info.backup.history) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::Format,
        "archive and backup history lists do not match",
    ))
}

/// WAL of clusters that the stanza never had.
fn check_archives(scope: &Scope, info: &StanzaInfo, findings: &mut Findings) {
    let known: Vec<ArchiveId> = info
        .archive
        .history
        .entries()
        .iter()
        .map(|entry| entry.archive_id())
        .collect();
    let foreign: Vec<String> = scope
        .archives
        .iter()
        .filter(|id| !known.contains(id))
        .map(ToString::to_string)
        .collect();
    if !foreign.is_empty() {
        log::info!(
            "archiveIds '{}' are not in the archive.info history list",
            foreign.join(", ")
        );
        findings.add(ErrorCode::ArchiveMismatch);
    }
}
