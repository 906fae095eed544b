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

use pgkeep_storage::copy::write_all;
use pgkeep_storage::{StoragePath, WriteOptions};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
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
    let settings = Settings::from(context)?;
    let page = page(&gather(context)?, None);
    match &settings.file {
        None => context.output.text(&page),
        Some(file) => {
            write(file, &page)?;
            let path = file.directory.join(&file.name);
            context
                .summary
                .done(format!("report in {}", path.display()));
            Ok(())
        }
    }
}

/// Whole or not at all.
fn write(file: &settings::File, text: &str) -> Result<()> {
    let options = WriteOptions {
        file_mode: 0o640,
        create_path: false,
        // It can be made again.
        sync: false,
        ..WriteOptions::default()
    };
    let directory = this_host::directory(&file.directory);
    let name = StoragePath::from(file.name.as_str());
    write_all(&*directory, &name, &options, text.as_bytes()).map_err(|error| {
        let error = Error::from(error);
        Error::new(
            ErrorCode::FileWrite,
            format!("unable to write the report: {}", error.message),
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
