//! The settings of an SFTP repository from its options.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option;
use pgkeep_storage::sftp::{HashType, HostKeyCheck, SftpSettings, expand_home};

use super::keys::keys;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// The SFTP repository that a command about the server is for: the one named by `--repo`, else the first on SFTP.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`] when there is none, or the one named is of another type.
pub fn server(context: &Context) -> Result<(u32, SftpSettings)> {
    let config = &context.config;
    let keys = keys(config);
    let kind = |key: u32| config.string_at(option::REPO_TYPE, key);
    let Some(key) = keys.iter().copied().find(|key| kind(*key) == Some("sftp")) else {
        let what = match keys.as_slice() {
            [key] => format!("repo{key} is no SFTP repository"),
            _ => "there is no SFTP repository".into(),
        };
        return Err(Error::new(ErrorCode::OptionInvalid, what).with_hint(format!(
            "set repo{0}-type=sftp and the options repo{0}-sftp-…, or name another repository with --repo.",
            keys.first().copied().unwrap_or(1)
        )));
    };
    Ok((key, settings(context, key)))
}

/// Everything the connection needs; what is wrong with it is found out when it is opened.
pub fn settings(context: &Context, key: u32) -> SftpSettings {
    let config = &context.config;
    let text = |option| config.string_at(option, key).unwrap_or_default();
    let file = |option| config.string_at(option, key).map(expand_home);
    let mut settings = SftpSettings::new(
        text(option::REPO_SFTP_HOST),
        text(option::REPO_SFTP_HOST_USER),
        config
            .string_at(option::REPO_PATH, key)
            .unwrap_or("/var/lib/pgbackrest"),
    );
    if let Some(port) = config
        .integer_at(option::REPO_SFTP_HOST_PORT, key)
        .and_then(|port| u16::try_from(port).ok())
    {
        settings.port = port;
    }
    settings.private_key_file = file(option::REPO_SFTP_PRIVATE_KEY_FILE);
    settings.public_key_file = file(option::REPO_SFTP_PUBLIC_KEY_FILE);
    settings.private_key_passphrase = config
        .secret_at(option::REPO_SFTP_PRIVATE_KEY_PASSPHRASE, key)
        .cloned();
    settings.host_key_check = match config.string_at(option::REPO_SFTP_HOST_KEY_CHECK_TYPE, key) {
        Some("accept-new") => HostKeyCheck::AcceptNew,
        Some("fingerprint") => HostKeyCheck::Fingerprint,
        Some("none") => HostKeyCheck::None,
        _ => HostKeyCheck::Strict,
    };
    settings.hash_type = match config.string_at(option::REPO_SFTP_HOST_KEY_HASH_TYPE, key) {
        Some("md5") => Some(HashType::Md5),
        Some("sha1") => Some(HashType::Sha1),
        Some("sha256") => Some(HashType::Sha256),
        _ => None,
    };
    settings.fingerprints = config
        .string_at(option::REPO_SFTP_HOST_FINGERPRINT, key)
        .map(str::to_owned)
        .into_iter()
        .collect();
    settings.pins = config
        .list_at(option::REPO_SFTP_HOST_PIN, key)
        .unwrap_or_default()
        .to_vec();
    if !settings.pins.is_empty() {
        settings.host_key_check = HostKeyCheck::Fingerprint;
    }
    settings.legacy_algorithms =
        config.string_at(option::REPO_SFTP_ALGORITHM, key) == Some("legacy");
    settings.append_only = config.boolean_at(option::REPO_SFTP_APPEND_ONLY, key);
    settings.connection_max = config
        .integer_at(option::REPO_SFTP_CONNECTION_MAX, key)
        .and_then(|most| usize::try_from(most).ok());
    settings.known_hosts = config
        .list_at(option::REPO_SFTP_KNOWN_HOST, key)
        .map(|files| files.iter().map(|file| expand_home(file.trim())).collect());
    settings.agent_socket = config
        .string_at(option::REPO_SFTP_AGENT_SOCKET, key)
        .or_else(|| context.environment.get("SSH_AUTH_SOCK").map(String::as_str))
        .filter(|socket| !socket.is_empty())
        .map(PathBuf::from);
    settings.home.clone_from(&context.user.home);
    settings.io_timeout = config
        .time(option::IO_TIMEOUT)
        .unwrap_or(Duration::from_secs(60));
    settings
}
