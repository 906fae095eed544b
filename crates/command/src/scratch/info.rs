//! What `info` says of the stanza, asked of the command itself.

use serde_json::Value;

use super::directory::Scratch;
use super::process;
use super::restored::error_of;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Its document; `more` are further options of the command.
///
/// # Errors
/// What the command says; a document that cannot be read.
pub(crate) fn info(
    context: &Context,
    scratch: &Scratch,
    settings: &Settings,
    more: &[String],
) -> Result<Value> {
    let mut command = process::command(scratch, &context.program_path);
    command.args(&settings.info).args(more).args([
        "--output=json",
        "--log-format=text",
        "--log-level-console=off",
        "--log-level-stderr=error",
        "--log-level-file=off",
        "info",
    ]);
    let ended = process::run(context, scratch, "info", &mut command)?;
    if !ended.status.success() {
        return Err(error_of(&ended, "info"));
    }
    serde_json::from_str(ended.stdout.trim()).map_err(|error| {
        Error::new(
            ErrorCode::Format,
            format!("unable to read what info says: {error}"),
        )
    })
}
