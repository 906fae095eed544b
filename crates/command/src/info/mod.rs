//! `info`: what is in the repositories, for people and for scripts.
//!
//! Never fails because of the state of a repository: what cannot be read becomes a status. The text and the JSON are
//! pgBackRest's, because monitoring reads them.

mod details;
mod document;
mod json;
mod labels;
mod settings;
mod table;
mod text;

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::run::summary::count;
use crate::stanzas::{self, StanzaReport, Status};
pub use labels::labels;
use settings::{Output, Settings};

/// Prints what is known of the stanzas.
///
/// # Errors
/// Options that do not go together; output that cannot be written.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    if settings.set.is_some() && !settings.full {
        return Err(Error::new(
            ErrorCode::OptionInvalid,
            "option 'set' cannot be used with option 'detail-level' = 'progress'",
        ));
    }
    let stanzas = stanzas::read(context, &settings.wanted())?;
    if settings.output != Output::Json {
        warn_about_configuration(context, &stanzas);
    }
    let text = match settings.output {
        Output::Json => document::stanzas(&settings, &stanzas).render(),
        Output::Table => table::render(context, &settings, &stanzas).into_bytes(),
        Output::Text => text::render(context, &settings, &stanzas).into_bytes(),
    };
    if let Some(line) = last_line(&stanzas) {
        context.summary.done(line);
    }
    context.output.write(&text)
}

/// `2 stanzas with 7 backups`; nothing where there is none, as the text says so itself.
fn last_line(stanzas: &[StanzaReport]) -> Option<String> {
    let backups = stanzas
        .iter()
        .flat_map(|stanza| &stanza.repositories)
        .filter_map(|repository| repository.backup_info.as_ref())
        .map(|info| info.entries().len() as u64)
        .sum();
    let of = match stanzas {
        [] => return None,
        [one] => format!("stanza {}", one.name),
        several => count(several.len() as u64, "stanza"),
    };
    Some(format!("{of} with {}", count(backups, "backup")))
}

/// "No stanzas" and "missing stanza path" may only mean that no configuration was found, or that the name is misspelled.
fn warn_about_configuration(context: &Context, stanzas: &[StanzaReport]) {
    let config = &context.config;
    let found = stanzas
        .iter()
        .flat_map(|stanza| &stanza.repositories)
        .any(|repository| repository.status != Status::MissingPath);
    let hints = config.stanza_hints();
    if found || hints.is_empty() {
        return;
    }
    let misspelled = !config.knows_stanza() && !config.stanzas().is_empty();
    if config.is_unconfigured() || misspelled {
        log::warn!(
            "nothing was found in the repositories\nHINT: {}",
            hints.join("\nHINT: ")
        );
    }
}

#[cfg(test)]
mod tests;
