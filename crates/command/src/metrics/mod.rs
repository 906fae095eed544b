//! `metrics`: what Prometheus stores of all stanzas, once, as OpenMetrics text.
//!
//! The series of `pgbackrest_…` are those that pgbackrest_exporter makes of `info`; see [`exporter`]; those of `pgkeep_…` are ours. Never fails because of the
//! state of a repository: that is a value.

mod exporter;
mod family;
mod ours;
mod settings;
mod text;

use crate::error::Result;
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
        // For everybody: node_exporter runs as somebody else.
        Some(file) => file.write("metrics", 0o644, &text),
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

#[cfg(test)]
mod tests;
