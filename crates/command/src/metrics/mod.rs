//! `metrics`: what Prometheus stores of all stanzas, once, as OpenMetrics text.
//!
//! The series of `pgbackrest_…` are those that pgbackrest_exporter makes of `info`; see [`exporter`]; those of `pgkeep_…` are ours. Never fails because of the
//! state of a repository: that is a value.

mod exporter;
mod family;
mod ours;
mod settings;
mod text;

use pgkeep_storage::copy::write_all;
use pgkeep_storage::{StoragePath, WriteOptions};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::run::Context;
use crate::stanzas::{self, StanzaReport, WalRead, Wanted};
use family::Families;
use settings::Settings;

/// Prints the metrics, or writes them to a file.
///
/// # Errors
/// The output cannot be written.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let (text, _) = read(context, &settings)?;
    match &settings.file {
        None => context.output.text(&text),
        Some(file) => write(file, &text),
    }
}

/// The text of the metrics, and the stanzas that it was made of.
///
/// # Errors
/// As [`stanzas::read`].
pub(crate) fn text(context: &Context) -> Result<(String, Vec<StanzaReport>)> {
    read(context, &Settings::from(context)?)
}

/// What the program that answers `/metrics` adds of its own: when it has read the rest, and how its last attempt ended.
pub(crate) fn with_served(text: &str, read: i64, status: u8) -> String {
    let mut families = Families::default();
    ours::served(&mut families, read, status);
    let end = "# EOF\n";
    format!("{}{}", text.trim_end_matches(end), text::render(families))
}

fn read(context: &Context, settings: &Settings) -> Result<(String, Vec<StanzaReport>)> {
    let wanted = Wanted {
        stanza: settings.stanza.clone(),
        full: true,
        wal: WalRead::AllIfPossible,
        ..Wanted::default()
    };
    let stanzas = stanzas::read(context, &wanted)?;
    let mut families = Families::default();
    exporter::add(context, settings, &stanzas, &mut families);
    ours::add(context, settings, &stanzas, &mut families);
    Ok((text::render(families), stanzas))
}

/// Whole or not at all, and for everybody: node_exporter runs as somebody else.
fn write(file: &settings::File, text: &str) -> Result<()> {
    let options = WriteOptions {
        file_mode: 0o644,
        create_path: false,
        // Of a file that is made anew every few minutes nothing is lost with the machine.
        sync: false,
        ..WriteOptions::default()
    };
    let directory = this_host::directory(&file.directory);
    let name = StoragePath::from(file.name.as_str());
    write_all(&*directory, &name, &options, text.as_bytes()).map_err(|error| {
        let error = Error::from(error);
        Error::new(
            ErrorCode::FileWrite,
            format!("unable to write the metrics: {}", error.message),
        )
        .with_hint(format!(
            "the directory '{}' must exist, and this user must be able to write there.",
            file.directory.display()
        ))
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
