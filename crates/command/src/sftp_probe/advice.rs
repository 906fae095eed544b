//! Which settings follow from what was measured.

use std::time::Duration;

use super::report::Report;

/// From this distance on, requests under way matter more than anything else.
const FAR: Duration = Duration::from_millis(5);
/// Fewer small files a second than this make bundles worth while.
const FEW_FILES: f64 = 2000.0;
/// Faster than this (bytes a second), strong compression is what limits.
const FAST: f64 = 100e6;
/// What this program uses at most if it is not told otherwise.
const CONNECTIONS: usize = 4;

/// A setting, or what should be mended on the server, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    /// `repo1-bundle=y`, or a line of `sshd_config`.
    pub(super) setting: String,
    pub(super) why: String,
}

/// The advice for this server.
pub(super) fn advice(report: &Report) -> Vec<Advice> {
    let key = report.server.repo_key;
    let mut all = Vec::new();
    let mut add = |setting: String, why: String| all.push(Advice { setting, why });
    let far = report.handshake.round_trip >= FAR;
    let files = report
        .measured
        .as_ref()
        .map(|(_, speed)| speed.files.per_second());
    if let Some(files) = files.filter(|files| *files < FEW_FILES) {
        add(
            format!("repo{key}-bundle=y"),
            format!("{files:.0} small files a second: let many travel as one"),
        );
    }
    if far {
        add(
            "archive-async=y".into(),
            format!(
                "a login takes {} ms, which every WAL segment would pay",
                report.handshake.login_time.as_millis()
            ),
        );
    }
    if let Some((_, speed)) = &report.measured {
        let up = speed.sent.per_second();
        let (name, why) = match up < FAST {
            true => ("zst", "every byte saved is time saved"),
            false => ("lz4", "the line is faster than strong compression"),
        };
        add(
            format!("compress-type={name}"),
            format!("{:.0} MB/s up: {why}", up / 1e6),
        );
    }
    if report.capacity.connections < CONNECTIONS {
        add(
            format!(
                "repo{key}-sftp-connection-max={}",
                report.capacity.connections
            ),
            "the server allows no more at a time".into(),
        );
    }
    if report.capacity.sessions < 2 {
        add(
            "MaxSessions 10 (on the server)".into(),
            "with one session on a connection every channel needs a login".into(),
        );
    }
    let behavior = report.measured.as_ref().map(|(behavior, _)| behavior);
    if behavior.is_some_and(|behavior| !behavior.fsync) {
        add(
            "an SFTP server with fsync@openssh.com".into(),
            "without it files are read back to be sure, which halves the speed".into(),
        );
    }
    if behavior.is_some_and(|behavior| !behavior.posix_rename) {
        add(
            "an SFTP server with posix-rename@openssh.com".into(),
            "without it files are not replaced in one step".into(),
        );
    }
    all
}
