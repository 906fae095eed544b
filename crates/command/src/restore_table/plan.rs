//! The plan: what is about to be done, said before anything is, and the question to whoever sits at the terminal.

use std::fmt::Write as _;

use super::plan_document;
use super::settings::{Goal, Settings, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::summary::count;
use crate::scratch::{Plan, Scratch};

/// Reports the plan, and asks if a running cluster is about to be changed.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] when the answer is no.
pub(super) fn agree(
    context: &Context,
    scratch: &Scratch,
    settings: &Settings,
    (plan, left): (&Plan, Option<String>),
) -> Result<()> {
    let text = text(scratch, settings, (plan, left.as_deref()));
    log::info!("{text}");
    let Goal::Cluster(_) = &settings.goal else {
        return Ok(());
    };
    let question = format!("{text}\n\nThe running cluster is about to be changed. Go on? [y/N] ");
    match context.prompt.ask(&question)? {
        None => Ok(()),
        Some(answer) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => {
            Ok(())
        }
        Some(_) => Err(Error::new(
            ErrorCode::OptionInvalid,
            "the restore was not confirmed, nothing has been changed",
        )
        .with_hint("with --dump-file it goes to a file, which can be looked at first.")),
    }
}

/// Prints the plan, for a run that does no more.
///
/// # Errors
/// Output that cannot be written; the first of `obstacles`.
pub(super) fn print(
    context: &Context,
    scratch: &Scratch,
    settings: &Settings,
    (plan, left, obstacles): (&Plan, Option<String>, Vec<Error>),
) -> Result<()> {
    let text = if settings.json {
        let document = plan_document::document(
            context.stanza()?,
            settings,
            (plan, left.as_deref(), &obstacles),
        );
        format!("{document}\n")
    } else {
        let end = match obstacles.len() {
            0 => "without --dry-run the restore would begin.",
            _ => "the restore would be refused, see the error.",
        };
        let text = text(scratch, settings, (plan, left.as_deref()));
        format!("{text}\n\nnothing has been changed: {end}\n")
    };
    context.output.text(&text)?;
    obstacles.into_iter().next().map_or(Ok(()), Err)
}

/// Lines for people.
fn text(scratch: &Scratch, settings: &Settings, (plan, left): (&Plan, Option<&str>)) -> String {
    let mut text = format!(
        "restore-table plan\nset: {} of repo{}, PostgreSQL {}\nmoment: {}\nrestore: {}",
        plan.label,
        plan.repo_key,
        plan.major,
        settings.scratch.moment(),
        settings.what(),
    );
    if settings.wanted != Wanted::Database {
        let _ = write!(text, " of database {}", settings.database);
    }
    match &settings.goal {
        Goal::Output => text.push_str("\nto: standard output"),
        Goal::File(path) => {
            let _ = write!(text, "\nto: file '{}'", path.display());
        }
        Goal::Cluster(connection) => {
            let (host, port) = connection.place();
            let database = &connection.database;
            let _ = write!(
                text,
                "\nto: running cluster at {host} port {port}, database {database}"
            );
        }
    }
    text.push_str(&settings.new_names());
    if let Goal::Cluster(connection) = &settings.goal {
        let stays = match connection.clean {
            true => "WARNING: what has these names there is REPLACED",
            false => "what is there stays",
        };
        let _ = match left {
            Some(left) => write!(
                text,
                "\ndatabase '{left}', which an interrupted run has left, is removed, else {stays}"
            ),
            None => write!(text, "\n{stays}"),
        };
    }
    let left_out = settings.scratch.left_out.len() as u64;
    let _ = write!(
        text,
        "\nscratch directory: {}\nsize: {}",
        scratch.root().display(),
        size_text(plan.needed),
    );
    if left_out > 0 {
        let _ = write!(text, ", without {}", count(left_out, "other database"));
    }
    text
}
