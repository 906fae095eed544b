//! The stanza that is looked at, or those that are missing: what the configuration files say, and where they were looked for.

use super::check::STANZA_SECTION;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

/// No stanza was named, and the configuration has none.
pub(super) fn none(context: &Context) -> Finding {
    let (seen, mend) = told(context, "NAME");
    Subject::default().fail(&STANZA_SECTION, seen, mend)
}

/// The stanza that was named is not one of the configuration.
pub(super) fn unknown(context: &Context) -> Finding {
    let name = context.config.stanza().unwrap_or_default();
    let (seen, mend) = told(context, name);
    let stanzas = context.config.stanzas();
    if stanzas.is_empty() {
        return Subject::stanza(name).fail(&STANZA_SECTION, seen, mend);
    }
    let seen = format!(
        "the configuration has no stanza '{name}'; it has {}",
        stanzas.join(", ")
    );
    let mend = format!(
        "name one of these with --stanza, or add {}",
        section(context, name)
    );
    Subject::stanza(name).fail(&STANZA_SECTION, seen, mend)
}

/// What is seen of a configuration without stanzas, and what mends it.
fn told(context: &Context, name: &str) -> (String, String) {
    let config = &context.config;
    let seen = match (
        config.files_read()[..].is_empty(),
        &config.files_looked_for()[..],
    ) {
        (false, _) => "the configuration has no stanza".to_owned(),
        (true, []) => "no configuration file was looked for, because of --no-config".to_owned(),
        (true, looked) => format!(
            "no configuration file was found; looked for {}",
            looked.join(", ")
        ),
    };
    let mend = match config.files_read()[..] {
        [] => format!(
            "{}, or name another file with --config=FILE",
            section(context, name)
        ),
        _ => section(context, name),
    };
    (seen, mend)
}

/// The section that is missing, and where it belongs.
fn section(context: &Context, name: &str) -> String {
    let config = &context.config;
    let places = [config.files_read(), config.files_looked_for()].concat();
    let place = places.first().copied().unwrap_or("the configuration file");
    format!("a section [{name}] with pg1-path=DIRECTORY in {place}")
}
