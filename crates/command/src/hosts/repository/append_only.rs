//! Repositories that this configuration may only add to, and the commands that are for another one.
//!
//! What a storage does in that case is its own matter ([`pgkeep_storage::Storage::only_adds`]). Here is only what a run refuses.

use pgkeep_config::Config;
use pgkeep_config::command::CommandId;
use pgkeep_config::option;

use super::keys;
use crate::error::{Error, ErrorCode, Result};

/// Whether `repo-sftp-append-only` is set.
#[must_use]
pub fn is_set(config: &Config, key: u32) -> bool {
    config.boolean_at(option::REPO_SFTP_APPEND_ONLY, key)
}

/// The name by which PostgreSQL is to call the program. pgBackRest's name is the way back, but under it nothing is known of
/// `repo-sftp-append-only`.
#[must_use]
pub fn archiving_program(config: &Config) -> &'static str {
    match keys(config).into_iter().any(|key| is_set(config, key)) {
        true => "pgkeep",
        false => "pgbackrest",
    }
}

/// What is said where `expire` would follow a backup.
#[must_use]
pub fn not_expired(key: u32) -> String {
    format!(
        "repo{key}: expire is not run here, as repo{key}-sftp-append-only is set: run it where the repository is kept"
    )
}

/// Refuses what changes or removes files.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`].
pub(super) fn refuse(config: &Config, key: u32) -> Result<()> {
    let command = config.command();
    let changes = match command {
        CommandId::Expire => !config.boolean(option::DRY_RUN),
        CommandId::Annotate
        | CommandId::RepoRekey
        | CommandId::RepoRm
        | CommandId::StanzaDelete
        | CommandId::StanzaUpgrade => true,
        _ => false,
    };
    if !changes || !is_set(config, key) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::OptionInvalid,
        format!(
            "{} changes files of the repository, which repo{key}-sftp-append-only rules out",
            command.name()
        ),
    )
    .with_hint(
        "run it on the SFTP host, or with the account that keeps the repository and a configuration without this option.",
    ))
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    #[test]
    fn postgresql_calls_the_program_by_its_own_name_where_it_only_adds() {
        let program = |options: &[&str]| {
            let context = test_context::new(Program::PgKeep, "doctor", options);
            archiving_program(&context.config)
        };
        assert_eq!(program(&[]), "pgbackrest");
        let sftp = [
            "--repo2-path=/other",
            "--repo2-type=sftp",
            "--repo2-sftp-host=host",
            "--repo2-sftp-host-user=user",
            "--repo2-sftp-private-key-file=/key",
            "--repo2-sftp-host-key-hash-type=sha256",
            "--repo2-sftp-append-only",
        ];
        assert_eq!(program(&sftp[..6]), "pgbackrest");
        assert_eq!(program(&sftp), "pgkeep");
    }
}
