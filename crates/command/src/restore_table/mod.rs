//! `restore-table`: tables, a schema or a database out of a backup.
//!
//! The files of one database are restored into a scratch directory, a server replays WAL there to the moment that is named, and
//! `pg_dump` of its version hands over what is wanted. New names are given in the scratch cluster. At the end nothing of it is left,
//! whatever happened.

mod cluster;
mod dump;
mod dump_file;
mod names;
mod new_database;
mod others;
mod plan;
mod plan_document;
mod relations;
mod renamed;
mod settings;
#[cfg(test)]
mod tests;

use pgkeep_config::command::Role;
use serde_json::{Value, json};

use crate::error::{Error, ErrorCode, Result};
use crate::report::time_text::elapsed_text;
use crate::run::Context;
use crate::run::progress::Doing;
use crate::scratch::client::explain_user;
use crate::scratch::{self, Client, Plan, Replayed, Scratch, Watch, programs, restored, server};
use cluster::Cluster;
use dump::Ready;
use dump_file::DumpFile;
use settings::{Goal, Settings};

/// Restores what the options name.
///
/// # Errors
/// Whatever stood in the way; where it went into a running cluster nothing was changed there.
pub fn run(context: &Context) -> Result<()> {
    if context.config.role() == Role::Async {
        return scratch::watch::run(context);
    }
    let mut settings = Settings::from(context)?;
    scratch::refuse_root(context)?;
    if settings.custom && matches!(settings.goal, Goal::Output) && context.output.style().live {
        return Err(Error::new(
            ErrorCode::OptionInvalid,
            "a dump in custom format cannot be shown at a terminal",
        )
        .with_hint("name a file with --dump-file, or redirect standard output."));
    }
    let mut obstacles = Obstacles::of(&settings);
    let file = match &settings.goal {
        Goal::File(path) => obstacles.take(DumpFile::open(path))?,
        _ => None,
    };
    context.summary.stopped("nothing was restored");
    let began = context.clock.milliseconds();
    let _watch = Watch::start(context, &settings.scratch.path);
    let scratch = Scratch::take(context, &settings.scratch.path, &settings.scratch.used)?;
    let result = restore(context, &scratch, &mut settings, (file, obstacles));
    let removed = scratch.remove();
    match (result, removed) {
        (Ok(None), Ok(())) => Ok(()),
        (Ok(Some(done)), Ok(())) => {
            let time = context.clock.milliseconds() - began;
            log::info!("{done}, in {}", elapsed_text(time));
            context
                .summary
                .done(format!("{done}, in {}", elapsed_text(time)));
            Ok(())
        }
        (Ok(_), Err(left)) => Err(left),
        (Err(error), removed) => {
            if let Err(left) = removed {
                // The run ends with the other error, which must not hide that something is left.
                log::warn!("unable to remove the scratch directory: {}", left.text());
            }
            Err(error)
        }
    }
}

/// What would stop the restore. Of a plan it is a part, in all other cases the end.
struct Obstacles {
    of_plan: bool,
    found: Vec<Error>,
}

impl Obstacles {
    fn of(settings: &Settings) -> Self {
        Self {
            of_plan: settings.dry_run,
            found: Vec::new(),
        }
    }

    /// `None` if it is a part of the plan that this failed.
    fn take<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Err(error) if self.of_plan && error.code != ErrorCode::Term => {
                self.found.push(error);
                Ok(None)
            }
            result => result.map(Some),
        }
    }
}

/// The facts for programs.
fn note(context: &Context, settings: &Settings, plan: &Plan) {
    let fact = |name: &str, value: Value| context.summary.fact(name, value);
    fact("label", plan.label.as_str().into());
    fact("repo-key", plan.repo_key.into());
    fact("pg-version", plan.major.into());
    let (kind, target) = (&settings.scratch.kind, &settings.scratch.target);
    fact("recovery", json!({"type": kind, "target": target}));
    fact("database", settings.database.as_str().into());
    fact("what", settings.what().into());
    fact("to", settings.goal.name().into());
}

/// From the backup to the goal. Returns what was done; `None`: only the plan was wanted.
fn restore(
    context: &Context,
    scratch: &Scratch,
    settings: &mut Settings,
    (file, mut obstacles): (Option<DumpFile>, Obstacles),
) -> Result<Option<String>> {
    let doing = Doing::now(&context.progress, "choosing the backup");
    let mut plan = restored::plan(context, scratch, &settings.scratch)?;
    restored::refuse_old(context, &plan)?;
    let programs = programs::find(context, &settings.scratch, plan.major)?;
    settings.scratch.left_out = others::find(context, scratch, settings, &plan)?;
    if !settings.scratch.left_out.is_empty() {
        settings.scratch.keep(&plan.label);
        plan = restored::plan(context, scratch, &settings.scratch)?;
    }
    note(context, settings, &plan);
    let settings = &*settings;
    let mut left = None;
    let goal = match (&settings.goal, file) {
        (Goal::Cluster(connection), _) => {
            doing.and("asking the running cluster");
            let cluster = Cluster::new(context, scratch, (settings, connection), &programs);
            left = obstacles.take(cluster.check(&plan))?.flatten();
            Ready::Cluster(cluster)
        }
        (_, Some(file)) => Ready::File(file),
        (_, None) => Ready::Output,
    };
    drop(doing);
    if settings.dry_run {
        obstacles.take(restored::refuse_short(scratch, &plan))?;
        plan::print(context, scratch, settings, (&plan, left, obstacles.found))?;
        return Ok(None);
    }
    restored::refuse_short(scratch, &plan)?;
    plan::agree(context, scratch, settings, (&plan, left))?;

    let doing = Doing::now(&context.progress, "restoring");
    restored::make(context, scratch, &settings.scratch, &plan)?;
    doing.and("replaying WAL");
    let (mut replayed, restore_command) = Replayed::prepare(context, scratch, &settings.scratch)?;
    let mut server = server::start(
        scratch,
        &settings.scratch,
        &programs,
        plan.major,
        &restore_command,
    )?;
    server.wait_until_ready(context, &mut replayed)?;
    if let Some(line) = server.invalid_page(&settings.scratch.left_out) {
        return Err(Error::new(
            ErrorCode::Format,
            format!("WAL refers to what is not in the backup: {line}"),
        )
        .with_hint("choose another backup with --set; verify tells which are whole."));
    }
    log::info!("WAL is replayed: {} segments", replayed.segments);
    context.summary.fact("wal-total", replayed.segments);
    // Before version 13 a server opens a cluster that has not reached its target.
    if settings.scratch.kind != "default" && !server.has_reached_target() {
        return Err(server::too_early(&settings.scratch.moment()));
    }
    if settings.scratch.kind == "default"
        && let Some((first, last)) = &plan.gap
    {
        log::warn!(
            "WAL is missing in the archive from {first} to {last}: the moment is the one before it"
        );
    }
    doing.and("looking for what is wanted");
    let user = settings.scratch.pg_user.as_str();
    let client = Client::of_scratch(context, scratch, &programs.psql, (plan.major, user));
    relations::check_database(&client, settings).map_err(|error| explain_user(error, user))?;
    let mut relations = relations::find(&client, settings)?;
    renamed::apply(&client, settings, plan.major, &mut relations)?;
    let comment = dump::rename_database(&client, settings)?;
    doing.and("dumping");
    if matches!(goal, Ready::Output) {
        // The line of the progress would be in the midst of the dump.
        drop(doing);
    }
    let found = (relations.as_slice(), comment.as_str());
    dump::hand_over(&client, settings, &programs, found, goal).map(Some)
}
