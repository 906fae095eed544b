//! The rules about repositories on SFTP servers: who the server is, and who we are.
//!
//! pgBackRest demands a hash type and a private key file in every case; here each is needed only where it is used.

use super::checker::Checker;
use crate::config::Config;
use crate::define::option::{
    OptionDef, REPO_SFTP_AGENT_SOCKET, REPO_SFTP_HOST_FINGERPRINT, REPO_SFTP_HOST_KEY_CHECK_TYPE,
    REPO_SFTP_HOST_KEY_HASH_TYPE, REPO_SFTP_HOST_PIN, REPO_SFTP_PRIVATE_KEY_FILE,
};
use crate::error::{ConfigError, OPTION_REQUIRED, Result};
use crate::input::Program;
use crate::parse::name::indexed;
use crate::value::Value;

/// Variable with the socket of the user's ssh-agent.
const AGENT: &str = "SSH_AUTH_SOCK";

/// Applies the rules to every SFTP repository.
pub(super) fn check(checker: &mut Checker) -> Result<()> {
    let keys: Vec<u32> = checker
        .config
        .indexes(REPO_SFTP_HOST_KEY_CHECK_TYPE)
        .collect();
    for key in keys {
        // Without a value the repository is of another kind.
        let config = &checker.config;
        if config.help
            || config
                .string_at(REPO_SFTP_HOST_KEY_CHECK_TYPE, key)
                .is_none()
        {
            continue;
        }
        pins_decide_alone(config, key)?;
        fingerprint(checker, key)?;
        login(&checker.config, key)?;
    }
    Ok(())
}

fn required(config: &Config, option: &OptionDef, key: u32) -> ConfigError {
    ConfigError::new(
        OPTION_REQUIRED,
        format!(
            "{} command requires option: {}",
            config.command.name(),
            indexed(option, key)
        ),
    )
}

/// Pins beside `none` or `accept-new` would look like a check that is not made.
fn pins_decide_alone(config: &Config, key: u32) -> Result<()> {
    let check_type = config.string_at(REPO_SFTP_HOST_KEY_CHECK_TYPE, key);
    if !config.is_set_at(REPO_SFTP_HOST_PIN, key)
        || !matches!(check_type, Some("none" | "accept-new"))
    {
        return Ok(());
    }
    let check = indexed(REPO_SFTP_HOST_KEY_CHECK_TYPE, key);
    Err(ConfigError::option_invalid(format!(
        "option '{}' not valid with option '{check}' = '{}'",
        indexed(REPO_SFTP_HOST_PIN, key),
        check_type.unwrap_or_default()
    ))
    .hint(format!(
        "remove option '{check}': a pin says all that is needed"
    )))
}

/// A fingerprint and the check type `fingerprint` go together; a fingerprint alone is an old way to say both.
fn fingerprint(checker: &mut Checker, key: u32) -> Result<()> {
    let config = &checker.config;
    let check_type = config
        .string_at(REPO_SFTP_HOST_KEY_CHECK_TYPE, key)
        .unwrap_or_default();
    let value = config.string_at(REPO_SFTP_HOST_FINGERPRINT, key);
    let fingerprint = indexed(REPO_SFTP_HOST_FINGERPRINT, key);
    let check = indexed(REPO_SFTP_HOST_KEY_CHECK_TYPE, key);
    let Some(value) = value else {
        return if check_type == "fingerprint" && !config.is_set_at(REPO_SFTP_HOST_PIN, key) {
            Err(required(config, REPO_SFTP_HOST_FINGERPRINT, key))
        } else {
            Ok(())
        };
    };
    let names_its_hash = ["SHA256:", "MD5:"]
        .iter()
        .any(|hash| value.starts_with(hash));
    let hash_known = names_its_hash || config.is_set_at(REPO_SFTP_HOST_KEY_HASH_TYPE, key);
    let missing_hash = (!hash_known).then(|| required(config, REPO_SFTP_HOST_KEY_HASH_TYPE, key));
    if config
        .source(REPO_SFTP_HOST_KEY_CHECK_TYPE, key)
        .is_default()
    {
        checker.warnings.push(format!(
            "option '{fingerprint}' without option '{check}' = 'fingerprint' is deprecated\nHINT: set option '{check}=fingerprint'"
        ));
        checker.set_default(
            REPO_SFTP_HOST_KEY_CHECK_TYPE,
            key,
            Value::String("fingerprint".to_owned()),
            "fingerprint".to_owned(),
        );
    } else if check_type != "fingerprint" {
        return Err(ConfigError::option_invalid(format!(
            "option '{fingerprint}' not valid without option '{check}' = 'fingerprint'"
        )));
    }
    missing_hash.map_or(Ok(()), Err)
}

/// A key file, or an agent that holds keys.
fn login(config: &Config, key: u32) -> Result<()> {
    if !REPO_SFTP_PRIVATE_KEY_FILE.required_for(config.command()) {
        return Ok(());
    }
    let agent = config.program() == Program::PgKeep
        && (config.is_set_at(REPO_SFTP_AGENT_SOCKET, key)
            || config
                .origin
                .environment
                .iter()
                .any(|(name, _)| name == AGENT));
    if agent || config.is_set_at(REPO_SFTP_PRIVATE_KEY_FILE, key) {
        return Ok(());
    }
    Err(required(config, REPO_SFTP_PRIVATE_KEY_FILE, key))
}
