//! Command line, environment and configuration file, and the lock file of another program.

use std::io;

use pgkeep_command::locks::LockData;
use pgkeep_config::option::Group;
use pgkeep_config::{ConfigFiles, Input, Program, load, option};

/// A host with one configuration file.
struct Host<'a>(&'a [u8]);

impl ConfigFiles for Host<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match path {
            "/etc/pgbackrest/pgbackrest.conf" | "/etc/pgkeep/pgkeep.conf" => Ok(self.0.to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn home(&self) -> Option<String> {
        Some("/home/keeper".to_owned())
    }
}

/// Three parts with a zero byte between them: words of the command line, variables of the environment (both one a line),
/// and the file. An odd first byte starts the program as pgBackRest.
pub fn configuration(data: &[u8]) {
    let [first, rest @ ..] = data else { return };
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let mut lines = || -> Vec<String> {
        let part = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        part.lines().map(str::to_owned).collect()
    };
    let program = if first & 1 == 1 {
        Program::PgBackRest
    } else {
        Program::PgKeep
    };
    let mut args = vec![format!("/usr/bin/{}", program.binary())];
    args.extend(lines());
    let environment = lines()
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(own)
        .collect();
    let file = parts.next().unwrap_or_default();
    let input = Input {
        program,
        args,
        environment,
        files: &Host(file),
        uid: 100,
        exec_id: "1-a".to_owned(),
    };
    let Ok(loaded) = load(&input) else { return };
    let config = loaded.config;
    let _ = (
        config.begin_line_options(),
        config.check_user(),
        config.stanzas(),
    );
    if config.command() == pgkeep_config::command::CommandId::Restore {
        let _ = config.restore_command_options();
    }
    let Ok(checked) = config.check() else { return };
    for key in checked.config.keys(Group::Repo) {
        let _ = (
            checked.config.string_at(option::REPO_PATH, *key),
            checked.config.secret_at(option::REPO_CIPHER_PASS, *key),
        );
    }
    for stanza in checked.config.stanzas() {
        let _ = checked.config.for_stanza(&stanza);
    }
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The content of a lock file.
pub fn lock_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = LockData::parse(text);
}
