//! `sftp-probe`: measures what an SFTP server can do, and says which settings follow from it.
//!
//! What the server says and how it behaves is asked on one connection; speed is measured with the storage that backups
//! use. Everything written is in one directory of the probe's own, which is removed at the end. An account that may only add
//! cannot do that: there a few small files are all that is written, and stay.

mod advice;
mod append_only;
mod behavior;
mod capacity;
mod json;
mod report;
mod settings;
mod shared_algorithms;
mod speed;
mod text;

use std::sync::Arc;

use pgkeep_repo::layout;
use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::sftp::examine::{Examiner, Files, Greeting};
use pgkeep_storage::{Paths, Storage};

use crate::error::{Error, ErrorCode, Result};
use crate::report::sftp_server::Server;
use crate::run::Context;
use report::Report;
use settings::Settings;

/// Probes the server and prints what was found.
///
/// # Errors
/// No SFTP repository, a server that cannot be logged in to, or a repository path that cannot be written.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    let report = probe(context, &settings)?;
    context.output.text(&if settings.json {
        json::render(&report)
    } else {
        text::render(&report)
    })
}

fn probe(context: &Context, settings: &Settings) -> Result<Report> {
    let (server, greeting, files) = connect(settings)?;
    let announced = |name: &str| greeting.extensions.iter().any(|(known, _)| known == name);
    let limits = match announced("limits@openssh.com") {
        true => files.limits().ok(),
        false => None,
    };
    // What the option demands of a server is found out here, not demanded.
    let mut sftp = settings.sftp.clone();
    let says_append_only = std::mem::take(&mut sftp.append_only);
    let storage = Arc::new(SftpStorage::new(sftp)?);
    let name = layout::trial("probe", context.config.exec_id());
    // Makes the repository path as well, as `stanza-create` would.
    storage.create_path(&name, 0o700)?;
    let storage: Arc<dyn Storage> = storage;
    let directory = format!("{}/{name}", settings.sftp.root.display());
    let handshake = server.handshake();
    let software = handshake.offer.as_ref();
    let mut append_only = append_only::examine(
        &files,
        &directory,
        &announced,
        software.map_or("", |offer| offer.greeting.as_str()),
        context.clock.seconds(),
    );
    let measured = if append_only.removes() {
        let measured = (|| {
            context.cancel.check()?;
            let behavior = behavior::examine(&server, &files, &directory, &announced);
            context.cancel.check()?;
            let speed = speed::measure(context, &storage, &name, settings.size)?;
            Ok::<_, Error>((behavior, speed))
        })();
        // Removed whatever happened; the first error is the one to report.
        let removed = storage.remove_tree(&name);
        let measured = measured?;
        removed?;
        Some(measured)
    } else {
        // Every file would stay, so no more is written.
        append_only.left.push(directory);
        None
    };
    let capacity = capacity::examine(context, &settings.sftp, &server, settings.idle)?;
    Ok(Report {
        server: Server::of(settings.repo_key, &settings.sftp),
        handshake: server.handshake(),
        greeting,
        limits,
        append_only,
        says_append_only,
        measured,
        capacity,
    })
}

/// Connections that may end before SFTP begins, until that counts as the server's answer.
const ENDED: u32 = 3;

/// Logs in and starts SFTP. A server ends a connection that is not used within its limit
/// (OpenSSH's `UnusedConnectionTimeout`), and on a busy host the first request can come later than that.
fn connect(settings: &Settings) -> Result<(Examiner, Greeting, Files)> {
    let mut left = ENDED;
    loop {
        let server = Examiner::open(&settings.sftp)?;
        let refusal = match server
            .greeting()
            .and_then(|greeting| server.files().map(|files| (greeting, files)))
        {
            Ok((greeting, files)) => return Ok((server, greeting, files)),
            Err(refusal) => refusal,
        };
        left -= 1;
        if left == 0 || !server.is_lost() {
            let text = format!("{}: {}", settings.sftp.address(), refusal.reason);
            return Err(Error::new(ErrorCode::Service, text)
                .with_hint("see what the account may do with: pgkeep sftp-audit"));
        }
        log::debug!("{}; connecting again", refusal.reason);
    }
}
