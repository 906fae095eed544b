//! What pgBackRest has and pgkeep does not have yet.
//!
//! The list stands here and nowhere else. An option is refused by name, and only when the command being run needs it.

use pgkeep_config::Config;
use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};

/// Why nothing of format 6 is there.
const FORMAT_6: &str = "pgkeep reads and writes repositories of format 5; its authors mark format 6 as not for production";

/// What cannot be used yet, by option name, with the reason shown to the user. Shrinks to nothing.
pub const NOT_YET: &[(&str, &str)] = &[
    ("repo-format=6", FORMAT_6),
    ("repo-cipher-rotate", FORMAT_6),
];

/// The error for a feature that is not there yet.
///
/// # Panics
/// When `feature` is not in [`NOT_YET`]: the list is complete by construction.
#[must_use]
pub fn error(feature: &str, shown: &str) -> Error {
    let (_, what) = NOT_YET
        .iter()
        .find(|(name, _)| *name == feature)
        .expect("every refused feature is listed");
    Error::new(ErrorCode::OptionInvalid, format!("option '{shown}' is not supported by pgkeep yet: {what}"))
        .with_hint("remove the option for this command, or run this command with pgBackRest: the repository is the same.")
}

/// Refuses what is not there yet of repository `key`.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`].
pub(crate) fn refuse_repository(config: &Config, key: u32) -> Result<()> {
    if config
        .integer_at(option::REPO_FORMAT, key)
        .is_some_and(|format| format > 5)
    {
        return Err(error("repo-format=6", &format!("repo{key}-format=6")));
    }
    if config.is_set_at(option::REPO_CIPHER_ROTATE, key) {
        return Err(error(
            "repo-cipher-rotate",
            &format!("repo{key}-cipher-rotate"),
        ));
    }
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    let feature = format!("repo-type={kind}");
    if NOT_YET.iter().any(|(name, _)| *name == feature) {
        return Err(error(&feature, &format!("repo{key}-type={kind}")));
    }
    Ok(())
}
