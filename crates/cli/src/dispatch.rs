//! Which function runs which command.

use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::repo_rekey;
use pgkeep_command::run::Context;
use pgkeep_config::command::{CommandId, Role};

use crate::remote;

/// Runs the command of this configuration; the value is the exit status of a run without error.
pub(crate) fn run(context: &Context) -> Result<u8, Error> {
    command(context).map_err(|error| repo_rekey::explain(context, error))
}

fn command(context: &Context) -> Result<u8, Error> {
    if context.config.role() == Role::Remote {
        return remote::run(context).map(|()| 0);
    }
    match context.config.command() {
        CommandId::Annotate => pgkeep_command::annotate::run(context).map(|()| 0),
        CommandId::Backup => pgkeep_command::backup::run(context).map(|()| 0),
        CommandId::ArchiveGet => pgkeep_command::archive_get::run(context),
        CommandId::ArchivePush => pgkeep_command::archive_push::run(context).map(|()| 0),
        CommandId::Check => pgkeep_command::check::run(context).map(|()| 0),
        CommandId::Demo => pgkeep_command::demo::run(context).map(|()| 0),
        CommandId::Doctor => pgkeep_command::doctor::run(context),
        CommandId::Drill => pgkeep_command::drill::run(context).map(|()| 0),
        CommandId::Expire => pgkeep_command::expire::run(context).map(|()| 0),
        CommandId::Info => pgkeep_command::info::run(context).map(|()| 0),
        CommandId::Manifest => pgkeep_command::manifest::run(context).map(|()| 0),
        CommandId::Metrics => pgkeep_command::metrics::run(context).map(|()| 0),
        CommandId::RepoCopy => pgkeep_command::repo_copy::run(context).map(|()| 0),
        CommandId::RepoGet => pgkeep_command::repo_get::run(context),
        CommandId::RepoLs => pgkeep_command::repo_ls::run(context).map(|()| 0),
        CommandId::RepoRekey => repo_rekey::run(context).map(|()| 0),
        CommandId::RepoRm => pgkeep_command::repo_rm::run(context).map(|()| 0),
        CommandId::Report => pgkeep_command::report_page::run(context).map(|()| 0),
        CommandId::Restore => pgkeep_command::restore::run(context).map(|()| 0),
        CommandId::RestoreTable => pgkeep_command::restore_table::run(context).map(|()| 0),
        CommandId::ServerPing => pgkeep_command::server_ping::run(context).map(|()| 0),
        CommandId::SftpAudit => pgkeep_command::sftp_audit::run(context),
        CommandId::SftpSetup => pgkeep_command::sftp_setup::run(context).map(|()| 0),
        CommandId::SftpProbe => pgkeep_command::sftp_probe::run(context).map(|()| 0),
        CommandId::StanzaCreate => pgkeep_command::stanza_create::run(context).map(|()| 0),
        CommandId::StanzaDelete => pgkeep_command::stanza_delete::run(context).map(|()| 0),
        CommandId::StanzaUpgrade => pgkeep_command::stanza_upgrade::run(context).map(|()| 0),
        CommandId::Start => pgkeep_command::start::run(context).map(|()| 0),
        CommandId::Stop => pgkeep_command::stop::run(context).map(|()| 0),
        CommandId::Verify => pgkeep_command::verify::run(context).map(|()| 0),
        CommandId::Version => pgkeep_command::version::run(context).map(|()| 0),
        // These run before commands are dispatched.
        CommandId::Help | CommandId::Serve | CommandId::Server => Err(Error::new(
            ErrorCode::Assert,
            format!(
                "command '{}' was dispatched",
                context.config.command().name()
            ),
        )),
    }
}
