//! `drill`: rehearses a restore and proves that the cluster is whole.
//!
//! A backup is restored into a scratch directory by `restore` itself, a server is started on it that nobody reaches and that reaches
//! nobody, WAL is replayed by `archive-get` itself, and the result is proved. So what is rehearsed is the real thing. At the end
//! nothing is left, whatever happened: what a drill leaves that is killed is removed by its watch.

mod check_file;
pub(crate) mod history;
mod moment;
mod outcome;
mod proofs;
mod settings;

use pgkeep_config::command::Role;
use serde_json::{Value, json};

use crate::error::{ErrorCode, Result};
use crate::report::time_text::elapsed_text;
use crate::run::Context;
use crate::run::progress::Doing;
use crate::scratch::{self, Client, Replayed, Scratch, Watch, programs, restored, server};
use check_file::Check;
use outcome::Outcome;
use proofs::Prover;
use settings::Settings;

/// Makes a drill, or shows those that were made.
///
/// # Errors
/// What could not be done, or the first proof that failed.
pub fn run(context: &Context) -> Result<()> {
    if context.config.role() == Role::Async {
        return scratch::watch::run(context);
    }
    let mut settings = Settings::from(context)?;
    if settings.history {
        return history::show(context, &settings);
    }
    scratch::refuse_root(context)?;
    let checks = match &settings.check_file {
        Some(path) => check_file::read(path)?,
        None => Vec::new(),
    };
    context
        .summary
        .stopped("the original cluster was not touched");
    let _watch = Watch::start(context, &settings.scratch.path);
    let scratch = Scratch::take(context, &settings.scratch.path, &settings.scratch.used)?;
    let mut outcome = Outcome {
        start: context.clock.seconds(),
        ..Outcome::default()
    };
    let result = rehearse(context, &scratch, &mut settings, &checks, &mut outcome);
    outcome.stop = context.clock.seconds();
    let root = settings.scratch.path.display().to_string();
    let removed = scratch.remove();
    let stopped = matches!(&result, Err(error) if error.code == ErrorCode::Term);
    if let Err(left) = &removed
        && (stopped || result.is_err() || outcome.error().is_some())
    {
        // The run ends with the other error, which must not hide that something is left.
        log::warn!("unable to remove the remains of the drill: {}", left.text());
    }
    if let Err(error) = result {
        if stopped {
            return Err(error);
        }
        outcome.error = Some(error);
    }
    let document = outcome.document(&settings);
    history::add(context, &settings, &document);
    note(context, &document);
    context.output.text(&match settings.json {
        true => format!("{document}\n"),
        false => outcome.text(context, &settings),
    })?;
    if let Some(error) = outcome.error() {
        let left = match removed {
            Ok(()) => "is removed",
            Err(_) => "could not be removed",
        };
        context.summary.stopped(format!(
            "{root} {left}; the original cluster was not touched"
        ));
        return Err(error);
    }
    removed?;
    let time = outcome.restore_ms.unwrap_or(0) + outcome.replay_ms.unwrap_or(0);
    context.summary.done(format!(
        "restored and replayed in {}, {}",
        elapsed_text(time),
        outcome.conclusion()
    ));
    Ok(())
}

/// The facts for programs: of the report what is not said of every command.
fn note(context: &Context, document: &Value) {
    for name in ["set", "recovery", "time", "reached"] {
        context.summary.fact(name, document[name].clone());
    }
    let proofs = document["proof"].as_array().into_iter().flatten();
    let proofs = proofs.map(|proof| json!({"name": proof["name"], "result": proof["result"]}));
    context.summary.fact("proof", proofs.collect::<Vec<_>>());
}

/// The rehearsal. What it finds out goes into `outcome`, so that there is a report whatever ends it.
fn rehearse(
    context: &Context,
    scratch: &Scratch,
    settings: &mut Settings,
    checks: &[Check],
    outcome: &mut Outcome,
) -> Result<()> {
    let doing = Doing::now(&context.progress, "choosing the backup");
    if settings.random {
        moment::choose(context, scratch, &mut settings.scratch)?;
    }
    let plan = restored::plan(context, scratch, &settings.scratch)?;
    outcome.plan = Some(plan.clone());
    restored::refuse_old(context, &plan)?;
    restored::refuse_short(scratch, &plan)?;
    let programs = programs::find(context, &settings.scratch, plan.major)?;
    log::info!(
        "restore backup {} of repo{} to '{}'",
        plan.label,
        plan.repo_key,
        scratch.root().display()
    );
    doing.and("restoring");
    let began = context.clock.milliseconds();
    restored::make(context, scratch, &settings.scratch, &plan)?;
    outcome.restore_ms = Some(context.clock.milliseconds() - began);
    doing.and("replaying WAL");
    let (mut replayed, restore_command) = Replayed::prepare(context, scratch, &settings.scratch)?;
    let began = context.clock.milliseconds();
    let mut server = server::start(
        scratch,
        &settings.scratch,
        &programs,
        plan.major,
        &restore_command,
    )?;
    let ready = server.wait_until_ready(context, &mut replayed);
    outcome.segments = replayed.segments;
    ready?;
    outcome.replay_ms = Some(context.clock.milliseconds() - began);
    log::info!("WAL is replayed: {} segments", replayed.segments);
    drop(doing);
    let began = context.clock.milliseconds();
    let user = settings.scratch.pg_user.as_str();
    let client = Client::of_scratch(context, scratch, &programs.psql, (plan.major, user));
    let prover = Prover {
        entry: proofs::entry(&client, user)?,
        client,
        settings: &settings.scratch,
        programs: &programs,
        plan: &plan,
    };
    prover.reached(outcome, server.has_reached_target())?;
    prover.databases(outcome)?;
    prover.rows(outcome)?;
    if !checks.is_empty() {
        prover.checks(outcome, checks)?;
    }
    prover.structures(outcome)?;
    server.stop(context)?;
    prover.pages(outcome)?;
    outcome.proof_ms = Some(context.clock.milliseconds() - began);
    Ok(())
}
