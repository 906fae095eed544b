//! What a client wants of the other host, and what it is told when it is taken in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protection::WireProtection;

/// What the other host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Pg,
    Repo,
}

impl Side {
    /// `pg` or `repo`, as options are named.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Repo => "repo",
        }
    }
}

/// In place of a command: the client only wants to know whether somebody is there.
pub const PING: &str = "server-ping";

/// In place of a command: the client wants to carry the conversations of others. A release that does not know it refuses.
pub const RELAY: &str = "relay";

/// What a client wants. It is sent before the server has shown who it is: no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    pub role: Side,
    /// Name of the command that the client runs.
    pub command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stanza: Option<String>,
    /// Of the repository. A cluster is the first there, whatever its key is for the client.
    #[serde(default)]
    pub key: u32,
    /// pgBackRest numbers its processes; the only one of ours is 0.
    #[serde(default)]
    pub process: u32,
    #[serde(default)]
    pub exec_id: String,
    /// Names of the lock files that the server takes for as long as the connection lives.
    #[serde(default)]
    pub locks: Vec<String>,
    /// Files that are worked on at the same time.
    #[serde(default = "one")]
    pub workers: u32,
    /// Options by full name (`pg1-path`). A boolean is `y` or `n`; an option without a value is reset to its default.
    #[serde(default)]
    pub options: BTreeMap<String, Vec<String>>,
}

fn one() -> u32 {
    1
}

impl Greeting {
    /// One of this role and command, with nothing else said.
    #[must_use]
    pub fn new(role: Side, command: impl Into<String>) -> Self {
        Self {
            role,
            command: command.into(),
            stanza: None,
            key: 1,
            process: 0,
            exec_id: String::new(),
            locks: Vec::new(),
            workers: one(),
            options: BTreeMap::new(),
        }
    }
}

/// What a client that is taken in learns at once, so that asking for it costs no round trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Pg(ClusterAnswer),
    Repo(RepositoryAnswer),
    /// To [`PING`]. Nothing was opened.
    Pong,
}

/// The cluster that the server has opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterAnswer {
    /// The data directory, as the server names it.
    pub path: PathBuf,
    /// The server's own time limit for statements, in milliseconds.
    pub db_timeout: u64,
}

impl ClusterAnswer {
    /// The time limit for statements.
    #[must_use]
    pub fn db_timeout(&self) -> Duration {
        Duration::from_millis(self.db_timeout)
    }
}

/// The repository that the server has opened, and what its storage can do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositoryAnswer {
    /// How messages name its root.
    pub path: String,
    /// `posix`, `s3`, …
    pub kind: String,
    /// `none` or `aes-256-cbc`.
    pub cipher: String,
    /// Directories exist apart from what is in them.
    pub paths: bool,
    /// Directories can be made durable.
    pub path_sync: bool,
    pub symbolic_links: bool,
    /// What is there cannot be changed or removed.
    pub only_adds: bool,
    pub hard_links: bool,
    /// Its files can be kept from being removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<WireProtection>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_has_the_form_of_the_first_release() {
        let mut greeting = Greeting::new(Side::Repo, "backup");
        greeting.stanza = Some("demo".to_owned());
        greeting.exec_id = "1-a".to_owned();
        greeting.locks = vec!["demo-backup-1.lock".to_owned()];
        greeting.options = BTreeMap::from([("repo".to_owned(), vec!["1".to_owned()])]);
        let written = serde_json::to_string(&greeting).unwrap();
        assert_eq!(
            written,
            r#"{"role":"repo","command":"backup","stanza":"demo","key":1,"process":0,"exec_id":"1-a","locks":["demo-backup-1.lock"],"workers":1,"options":{"repo":["1"]}}"#
        );
        assert_eq!(
            serde_json::from_str::<Greeting>(&written).unwrap(),
            greeting
        );
    }

    #[test]
    fn what_a_release_does_not_know_is_ignored_and_what_is_missing_has_a_default() {
        let greeting: Greeting =
            serde_json::from_str(r#"{"role":"pg","command":"check","colour":"red"}"#).unwrap();
        assert_eq!(
            (greeting.workers, greeting.process, greeting.key),
            (1, 0, 0)
        );
        let answer: Answer = serde_json::from_str(r#"{"repo":{"path":"/r","speed":9}}"#).unwrap();
        let expected = RepositoryAnswer {
            path: "/r".to_owned(),
            ..RepositoryAnswer::default()
        };
        assert_eq!(answer, Answer::Repo(expected));
        let answer: Answer =
            serde_json::from_str(r#"{"pg":{"path":"/d","db_timeout":1800000}}"#).unwrap();
        let Answer::Pg(cluster) = answer else {
            panic!("it is a cluster")
        };
        assert_eq!(cluster.db_timeout(), Duration::from_secs(1800));
    }
}
