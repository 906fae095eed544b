//! `sftp-audit`: tries from outside what an account for backups must not be able to do, and grades it.
//!
//! One connection carries everything, so a server that counts logins of one source sees one. Nothing that exists is
//! changed: rights are tried on files in a directory of the audit's own, which is removed at the end.

mod agent;
mod algorithms;
mod check;
mod confinement;
mod forwarding;
mod json;
mod login;
mod own_side;
mod programs;
mod report;
mod repository;
mod settings;
mod text;
mod workplace;

use pgkeep_storage::sftp::HostKeyCheck;
use pgkeep_storage::sftp::examine::Examiner;

use crate::error::Result;
use crate::report::finding::{Finding, Grade};
use crate::report::sftp_server::Server;
use crate::run::Context;
use report::Report;
use settings::Settings;

/// Audits the account and prints what was found; the value is the exit status.
///
/// # Errors
/// No SFTP repository, or a server that cannot be logged in to.
pub fn run(context: &Context) -> Result<u8> {
    let settings = Settings::from(context)?;
    let report = audit(context, &settings)?;
    if settings.json {
        context.output.text(&json::render(&report))?;
    } else {
        context.output.text(&text::render(&report))?;
    }
    Ok(report.findings.exit_status())
}

fn audit(context: &Context, settings: &Settings) -> Result<Report> {
    let mut sftp = settings.sftp.clone();
    if sftp.host_key_check == HostKeyCheck::AcceptNew {
        // An audit trusts nobody new and writes no known_hosts.
        sftp.host_key_check = HostKeyCheck::Strict;
    }
    let server = Examiner::open(&sftp)?;
    let (programs, forwarding) = std::thread::scope(|scope| {
        let forwarding = scope.spawn(|| forwarding::examine(&server));
        let programs = programs::examine(&server);
        (
            programs,
            forwarding.join().expect("forwarding does not panic"),
        )
    });
    context.cancel.check()?;
    let (agent, confined, repository) = match server.files() {
        Ok(files) => {
            let path = sftp.root.display().to_string();
            let workplace = workplace::Workplace::make(&files, &path, context.config.exec_id());
            let confined = confinement::examine(&files, &workplace);
            let repository = repository::examine(
                &files,
                &workplace,
                context.clock.seconds(),
                sftp.append_only,
            );
            (agent::examine(&server, &files), confined, repository)
        }
        Err(refusal) => (
            Finding::new(&check::AGENT, Grade::NotTested, "no SFTP"),
            confinement::without_sftp(&refusal.reason),
            repository::without_sftp(&refusal.reason),
        ),
    };
    // Asked last: the server's other keys come after the login.
    let handshake = server.handshake();
    let findings = [
        login::examine(&handshake),
        algorithms::examine(&handshake),
        programs,
        vec![agent],
        forwarding,
        confined,
        repository,
        own_side::examine(&server, &settings.sftp)?,
    ]
    .concat();
    Ok(Report {
        server: Server::of(settings.repo_key, &settings.sftp),
        handshake,
        findings: findings.into(),
    })
}
