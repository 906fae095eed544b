//! `report`: one HTML page about all stanzas, for people who do not run the program.
//!
//! [`gather`] reads what `info`, `expire`, `drill`, `verify` and `doctor` know, [`page`] writes it. Never fails because of the state of a
//! repository: the page says it.

mod coverage;
mod facts;
mod findings;
mod gather;
mod page;
mod repository;
mod settings;

use crate::error::Result;
use crate::run::Context;
pub use facts::Facts;
pub use gather::gather;
pub use page::{page, style};
use settings::Settings;

/// Prints the page, or writes it to a file.
///
/// # Errors
/// The output cannot be written; the run was stopped.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context);
    let page = page(&gather(context)?, None);
    match &settings.file {
        None => context.output.text(&page),
        Some(file) => {
            file.write("report", 0o640, &page)?;
            context
                .summary
                .done(format!("report in {}", file.path().display()));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
