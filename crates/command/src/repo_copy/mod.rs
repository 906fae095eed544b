//! `repo-copy`: copies backups and WAL of a stanza from one repository into another, without the database.
//!
//! A backup is published when all of it is there and sound: its WAL first, then its files, its manifest, and `backup.info` last. So a
//! run may die anywhere, and the next one goes on. What is wrong in the source is told and left out; the run ends with the exit code
//! of the gravest.

mod begun;
mod block_maps;
mod chain;
mod checks;
mod chosen;
mod copy;
mod copy_wal;
mod findings;
mod listed;
mod not_copied;
mod out;
mod outcome;
mod piece;
mod plan;
mod publish;
mod rewrite;
mod rewriter;
mod runs;
mod set_files;
mod settings;
mod sides;
#[cfg(test)]
mod tests;
mod told;
mod transfer;
mod wal_list;
mod worker;

use crate::error::{Error, ErrorCode, Result};
use crate::locks::{LockType, stop_file};
use crate::run::moved::Moved;
use crate::run::progress::Doing;
use crate::run::{Context, begin};
use copy::Copy;
use outcome::Outcome;
use plan::Plan;
use settings::Settings;
use sides::Sides;
use transfer::Transfer;

/// Copies from the repository of `--repo` to that of `--repo-to`.
///
/// # Errors
/// Repositories that do not fit each other; a target that is in use; what is wrong with files of the source, once all else is copied.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    tell(context, &settings, || {
        stop_file::check(context)?;
        if !settings.dry_run {
            // An expire there would remove what no list names yet, and a backup would write the list that is written here. The source
            // is only read: what is expired in it meanwhile is told.
            begin::take_lock_of(context, LockType::Backup, settings.to)?;
        }
        Sides::open(context, &settings)
    })
}

/// Copies between the sides that `open` hands back, and tells programs what came of it, however it ended.
fn tell(
    context: &Context,
    settings: &Settings,
    open: impl FnOnce() -> Result<Sides>,
) -> Result<()> {
    let began = context.clock.milliseconds();
    let mut outcome = Outcome::default();
    let doing = Doing::now(&context.progress, "comparing both repositories");
    let result = open().and_then(|sides| copy(context, settings, (sides, doing), &mut outcome));
    let document = outcome.document(settings, (began, &context.clock), result.as_ref().err());
    for name in ["repo-key", "total"] {
        context.summary.fact(name, document[name].clone());
    }
    if !settings.json {
        return result;
    }
    let printed = context.output.text(&format!("{document}\n"));
    result.and(printed)
}

fn copy(
    context: &Context,
    settings: &Settings,
    (mut sides, doing): (Sides, Doing<'_>),
    outcome: &mut Outcome,
) -> Result<()> {
    let began = context.clock.milliseconds();
    let sets = chosen::choose(settings, &sides.source.backup)?;
    let plan = Plan::make(settings, &sides, sets)?;
    outcome.plan(&plan);
    drop(doing);
    if settings.dry_run {
        if settings.json {
            return Ok(());
        }
        let text = told::plan(settings, &plan, sides.target.is_none());
        return context.output.text(&text);
    }
    context.summary.unfinished(format!(
        "what is in repo{} is whole: run repo-copy again to go on",
        settings.to
    ));
    let target = sides.prepare(settings)?;
    let storages = (&sides.from.storage, &sides.to.storage);
    let total = plan.bytes();
    storages.0.announce(total);
    storages.1.announce(total);
    let moved = Moved::new(storages.1);
    context.progress.begin("repo-copy", total, &moved);
    let transfer = Transfer::new(
        context,
        settings.pool,
        settings.buffer_size,
        storages,
        &moved,
    );
    let Plan {
        sets,
        archives,
        without_wal,
    } = plan;
    for label in &without_wal {
        log::warn!("{}", told::without_wal(label));
    }
    let result = Copy::new(settings, &sides, target, (transfer, outcome), archives).run(&sets);
    context.progress.end();
    // Whatever the stop interrupted, the reason to name is the signal.
    context.cancel.check()?;
    result?;
    let text = told::last_line(
        settings,
        &outcome.done,
        context.clock.milliseconds() - began,
    );
    log::info!("{text}");
    match outcome.findings.gravest() {
        None => {
            context.summary.done(text);
            Ok(())
        }
        Some(code) => Err(not_all(settings, outcome, code)),
    }
}

fn not_all(settings: &Settings, outcome: &Outcome, code: ErrorCode) -> Error {
    let findings = &outcome.findings;
    let what: Vec<String> = [
        (
            findings.files,
            "file cannot be used",
            "files cannot be used",
        ),
        (
            findings.failed_sets,
            "backup not copied",
            "backups not copied",
        ),
        (findings.notes, "other finding", "other findings"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }))
    .collect();
    Error::new(
        code,
        format!(
            "not all of {} is in repo{} as it should be: {}",
            settings.stanza,
            settings.to,
            what.join(", ")
        ),
    )
    .with_hint("the warnings above name them; all else was copied.")
    .with_hint(format!(
        "verify --repo={} says what can still be restored from the source.",
        settings.from
    ))
}
