//! `demo`: the main job, for real, on a throw-away cluster.
//!
//! Makes a cluster, writes to it, backs it up meanwhile to an encrypted local repository and to an SFTP server, drops a table
//! by mistake, restores from the server to the moment before, and shows that the rows are back and that every file is the
//! same. Where no SSH server is installed the local repository is the only one. Everything is done by starting this very program with
//! its public commands, as a user would; nothing here knows how a backup works. Every command line that matters is shown.

mod act;
mod binaries;
mod cluster;
mod configuration;
mod paint;
mod proof;
mod report;
mod settings;
mod sftp_server;
mod shell;
mod story;
mod wal_line;
mod workplace;

use crate::error::Result;
use crate::run::Context;
use act::Act;
use report::Report;
use settings::Settings;
use sftp_server::SftpServer;
use workplace::Workplace;

/// Runs the demonstration and prints its proof.
///
/// # Errors
/// When PostgreSQL is not installed (the message says what to install), or a step does not do what it must.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context);
    let binaries = binaries::find(context, &settings)?;
    let place = Workplace::make(context, &settings, binaries)?;
    let act = Act {
        context,
        place: &place,
        report: Report::new(context.output.clone()),
    };
    let result = play(&act);
    place.wait_for_kept_connection(context);
    let root = place.root().display().to_string();
    if settings.keep {
        act.report.fact(&format!("kept: {root}"))?;
        act.report.fact(&format!(
            "go on with: {} --config={} --stanza=demo info",
            place.program().display(),
            place.config().display()
        ))?;
    } else {
        place.remove();
        context
            .summary
            .stopped(format!("{root} is removed with all that was in it"));
    }
    let told = result?;
    let where_it_was = if settings.keep {
        format!("Everything is still in {root}; nothing else was touched.")
    } else {
        format!("All of it was in {root}, which is gone; nothing else was touched.")
    };
    act.report.finish(&format!("{told}\n{where_it_was}"))
}

/// The story with the server around it, which ends before the place is removed; returns what it came to.
fn play(act: &Act<'_>) -> Result<String> {
    let server = match binaries::find_ssh_server(act.context) {
        Some(programs) => Some(SftpServer::start(act.context, act.place, &programs)?),
        None => None,
    };
    act.place.configure(server.as_ref())?;
    let told = story::tell(act, server.as_ref());
    if let Some(server) = server {
        server.end(act.context);
    }
    told
}
