//! The words with which the SSH client program is started: exactly those of pgBackRest, because wrappers, forced commands and
//! rules of sudo read them.
//!
//! Nothing is added, neither `BatchMode` nor `ServerAliveInterval`: what the user's own file says of them counts, a prompt at
//! a terminal can be answered as with pgBackRest, and the protocol notices a dead host by itself.

use pgkeep_config::command::Role;
use pgkeep_config::option;

use super::for_side::for_side;
use super::told;
use crate::error::Result;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// The words after the program. The last is the command line for the shell on `host`.
pub(super) fn arguments(
    context: &Context,
    side: Side,
    key: u32,
    host: &str,
) -> Result<Vec<String>> {
    let config = &context.config;
    let text = |pg, repo| config.string_at(for_side(side, pg, repo), key);
    let mut words: Vec<String> = [
        "-o",
        "LogLevel=error",
        "-o",
        "Compression=no",
        "-o",
        "PasswordAuthentication=no",
    ]
    .map(str::to_owned)
    .to_vec();
    let port = for_side(side, option::PG_HOST_PORT, option::REPO_HOST_PORT);
    if let Some(port) = config.integer_at(port, key) {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    let user = text(option::PG_HOST_USER, option::REPO_HOST_USER).unwrap_or_default();
    words.push(format!("{user}@{host}"));

    // Not quoted: it may have words of its own, as `sudo -u backup pgbackrest`.
    let program = text(option::PG_HOST_CMD, option::REPO_HOST_CMD);
    let mut line = vec![program.unwrap_or(config.argv0()).to_owned()];
    line.extend(told::words(context, side, key, true)?);
    line.push(format!(
        "{}:{}",
        config.command().name(),
        Role::Remote.name()
    ));
    words.push(line.join(" "));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    /// The words for the SSH client program, the last one taken apart from the others.
    fn words(command: &str, options: &[&str], side: Side, key: u32) -> (String, String) {
        let context = test_context::with_environment(
            Program::PgBackRest,
            command,
            options,
            &[
                ("PGBACKREST_REPO1_CIPHER_PASS", "hush"),
                ("PGBACKREST_BUFFER_SIZE", "64KiB"),
            ],
        );
        let mut words = arguments(&context, side, key, "other").unwrap();
        let line = words.pop().unwrap();
        (words.join(" "), line)
    }

    #[test]
    fn a_cluster_is_told_as_the_first_and_nothing_of_repositories() {
        let (ssh, line) = words(
            "backup",
            &[
                "--pg1-path=/a",
                "--pg1-port=5700",
                "--pg2-path=/path/to/2",
                "--pg2-port=5701",
                "--pg2-socket-path=/socket",
                "--pg2-host=other",
                "--pg2-host-config=/their.conf",
                "--repo1-retention-full=1",
                "--repo2-path=/2",
                "--process-max=4",
                "--compress-type=zst",
                "--start-fast",
            ],
            Side::Pg,
            2,
        );
        assert_eq!(
            ssh,
            "-o LogLevel=error -o Compression=no -o PasswordAuthentication=no postgres@other"
        );
        assert_eq!(
            line,
            "pgbackrest --buffer-size=64KiB --config=/their.conf --exec-id=1-test --lock=demo-backup-1.lock \
             --lock=demo-backup-2.lock --log-level-console=off --log-level-file=off --log-level-stderr=error \
             --pg1-path=/path/to/2 --pg1-port=5701 --pg1-socket-path=/socket --process=0 --remote-type=pg \
             --stanza=demo backup:remote"
        );
    }

    #[test]
    fn a_repository_is_told_its_number_its_own_options_and_the_cluster_but_no_secret() {
        let (ssh, line) = words(
            "stanza-create",
            &[
                "--pg1-path=/path/to/pg",
                "--repo1-host=other",
                "--repo1-host-user=backup",
                "--repo1-host-port=444",
                "--repo1-host-cmd=sudo -u x pgbackrest",
                "--repo1-path=/r $HOME",
                "--repo1-cipher-type=aes-256-cbc",
                "--repo2-path=/2",
                "--log-subprocess",
                "--log-path=/l",
                "--lock-path=/k",
                "--no-neutral-umask",
            ],
            Side::Repo,
            1,
        );
        assert_eq!(
            ssh,
            "-o LogLevel=error -o Compression=no -o PasswordAuthentication=no -p 444 backup@other"
        );
        assert_eq!(
            line,
            "sudo -u x pgbackrest --buffer-size=64KiB --exec-id=1-test --lock=demo-archive-1.lock \
             --lock=demo-archive-2.lock --lock=demo-backup-1.lock --lock=demo-backup-2.lock \
             --lock=demo-restore-1.lock --lock=demo-restore-2.lock --log-level-console=off \
             --log-level-file=info --log-level-stderr=error --log-subprocess --no-neutral-umask \
             --pg1-path=/path/to/pg --process=0 --remote-type=repo --repo=1 --repo1-path=\"/r \\$HOME\" \
             --stanza=demo stanza-create:remote"
        );
    }

    #[test]
    fn a_command_without_locks_asks_for_none() {
        let (_, line) = words(
            "archive-get",
            &["--pg1-path=/pg", "--repo2-host=other"],
            Side::Repo,
            2,
        );
        assert_eq!(
            line,
            "pgbackrest --buffer-size=64KiB --exec-id=1-test --log-level-console=off --log-level-file=off \
             --log-level-stderr=error --pg1-path=/pg --process=0 --remote-type=repo --repo=2 --stanza=demo \
             archive-get:remote"
        );
    }
}
