//! `verify`: reads everything in a repository and says what is damaged or missing.
//!
//! Results are pgBackRest's, and so is the exit status as `pgbackrest`: 0, whatever was found. As `pgkeep` the run ends with
//! the code of the gravest finding ([`findings`]). Two results are more truthful than pgBackRest's: a backup that refers to a
//! damaged file in a bundle is invalid too, and WAL whose first segment is damaged does not end the run.

mod document;
mod file;
mod findings;
mod info;
mod last_line;
mod manifest;
mod moments;
mod render;
mod result;
mod settings;
#[cfg(test)]
mod tests;
mod wal;
mod work;

use pgkeep_config::Program;
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel, layout};
use pgkeep_storage::{InfoLevel, ListOptions};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    Repository, repository,
    stanza_info::{self, StanzaInfo},
};
use crate::run::Context;
use findings::Findings;
use result::Results;
use settings::{Print, Settings};
use wal::WalRange;

/// Verifies all repositories, as `pgbackrest` only the first; with `--repo` that one.
///
/// # Errors
/// A repository that cannot be reached or read at all; as `pgkeep` also when something is wrong in one. Then the others were
/// verified all the same.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let keys = keys(context, &settings)?;
    let mut failed = Vec::new();
    for repo_key in keys {
        let settings = Settings {
            repo_key,
            ..settings.clone()
        };
        match one(context, &settings) {
            Ok(()) => {}
            Err(error) if error.code == ErrorCode::Term => return Err(error),
            Err(error) if settings.named => {
                failed.push(error.with_prefix(&format!("repo{repo_key}: ")));
            }
            Err(error) => failed.push(error),
        }
    }
    together_failed(failed)
}

/// The repositories to verify. A set is looked for where there is one of its name.
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
fn together_failed(mut failed: Vec<Error>) -> Result<()> {
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

/// Verifies one repository.
fn one(context: &Context, settings: &Settings) -> Result<()> {
    let began = context.clock.milliseconds();
    let repository = repository::open(context, settings.repo_key)?;
    let mut findings = Findings::default();
    let body = verify(context, settings, &repository, &mut findings)?;
    let ours = context.config.program() == Program::PgKeep;
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
        match &body {
            Body::Note(note) => text.push_str(note),
            Body::Results(results) => {
                text.push_str(&render::render(results, settings.verbose));
                if ours {
                    text.push_str(&moments::render(context, results));
                }
            }
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
        let document = document::render(settings, &findings, &body);
        context.output.text(&format!("{document}\n"))?;
    }
    match findings.gravest() {
        Some(code) if ours => Err(Error::new(
            code,
            format!(
                "{} of stanza '{}' is not in order",
                repository.name(),
                settings.stanza
            ),
        )
        .with_hint(match settings.print {
            Print::Nothing => {
                "--output=text shows what is damaged or missing; the log has it at level info."
            }
            _ => "the result above names what is damaged or missing.",
        })),
        _ => {
            if let Body::Results(results) = &body {
                let milliseconds = context.clock.milliseconds() - began;
                context
                    .summary
                    .done(last_line::text(settings, results, milliseconds));
            }
            Ok(())
        }
    }
}

/// What a run came to.
enum Body {
    /// Why nothing was verified: lines, each with a line feed in front.
    Note(String),
    Results(Results),
}

/// Verifies a repository.
fn verify(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    findings: &mut Findings,
) -> Result<Body> {
    let (archive, backup) = match info::load(repository, &settings.stanza, findings)? {
        Ok((archive, backup)) => (archive, backup),
        Err(text) => return Ok(Body::Note(text)),
    };
    let info = StanzaInfo { archive, backup };
    if let Err(error) = check_histories(&info) {
        findings.add(error.code);
        return Ok(Body::Note(format!("\n{}", error.text())));
    }
    let scope = match Scope::of(settings, repository, &info, findings)? {
        Ok(scope) => scope,
        Err(text) => return Ok(Body::Note(text)),
    };
    if scope.archives.is_empty() && scope.backups.is_empty() {
        return Ok(Body::Note(
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
    let work = work::Work {
        context,
        settings,
        repository,
        info: &info,
        scope,
    };
    work.run(findings).map(Body::Results)
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

/// What is verified.
#[derive(Debug)]
struct Scope {
    /// Sorted by history id.
    archives: Vec<ArchiveId>,
    /// Ascending.
    backups: Vec<BackupLabel>,
    /// `Some` with `--set`: only this WAL; an empty range when the backup's manifest cannot be read.
    wal: Option<WalRange>,
    /// The newest backup on disk, if it is not listed: it may be in progress.
    current: Option<BackupLabel>,
}

impl Scope {
    /// The inner error is the text of a finding that leaves nothing to verify.
    fn of(
        settings: &Settings,
        repository: &Repository,
        info: &StanzaInfo,
        findings: &mut Findings,
    ) -> Result<std::result::Result<Self, String>> {
        let (storage, stanza) = (&*repository.storage, &settings.stanza);
        let mut backups = list_sets(storage, stanza)?;
        let mut set = None;
        if let Some(text) = &settings.set {
            let Ok(label) = text.parse::<BackupLabel>() else {
                findings.add(ErrorCode::OptionInvalidValue);
                return Ok(Err(format!(
                    "\n  '{text}' is not a valid backup label format"
                )));
            };
            backups.retain(|other| *other == label);
            if backups.is_empty() {
                findings.add(ErrorCode::BackupSetInvalid);
                return Ok(Err(format!("\n  backup set {label} is not valid")));
            }
            set = Some(label);
        }
        for label in backups
            .iter()
            .filter(|label| info.backup.find(label).is_none())
        {
            log::warn!("backup '{label}' found in the repository but not in backup.info");
        }
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        let listed = storage
            .list(&layout::archive_path(stanza), &options)?
            .unwrap_or_default();
        let mut archives: Vec<ArchiveId> = listed
            .iter()
            .filter_map(|info| info.name.to_string().parse().ok())
            .collect();
        archives.sort();
        let wal = match &set {
            Some(label) => Some(manifest::needs(
                repository,
                settings,
                info,
                label,
                &mut backups,
            )),
            None => {
                add_listed(&mut backups, &info.backup, findings);
                None
            }
        };
        let current = backups
            .last()
            .filter(|label| info.backup.find(label).is_none())
            .cloned();
        Ok(Ok(Self {
            archives,
            backups,
            wal,
            current,
        }))
    }
}

/// Backups that are listed but whose directories are gone are findings too.
fn add_listed(backups: &mut Vec<BackupLabel>, info: &BackupInfo, findings: &mut Findings) {
    for entry in info.entries() {
        if !backups.contains(&entry.label) {
            log::warn!(
                "backup '{}' found in backup.info but not in the repository",
                entry.label
            );
            findings.note(ErrorCode::FileMissing);
            backups.push(entry.label.clone());
        }
    }
    backups.sort();
}
