//! Which SFTP server a report is about: its first line for people, its first keys for programs.

use pgkeep_storage::sftp::SftpSettings;
use pgkeep_storage::sftp::examine::Handshake;
use serde_json::{Map, Value, json};

/// Whose report it is.
#[derive(Debug)]
pub struct Server {
    pub repo_key: u32,
    pub address: String,
    pub user: String,
    pub path: String,
}

impl Server {
    #[must_use]
    pub fn of(repo_key: u32, settings: &SftpSettings) -> Self {
        Self {
            repo_key,
            address: settings.address(),
            user: settings.user.clone(),
            path: settings.root.display().to_string(),
        }
    }

    /// `repo1: backup@host:22/upload, SSH-2.0-…`, and an empty line.
    #[must_use]
    pub fn heading(&self, handshake: &Handshake) -> String {
        let greeting = handshake
            .offer
            .as_ref()
            .map_or("unknown", |offer| offer.greeting.as_str());
        format!(
            "repo{}: {}@{}{}, {greeting}\n\n",
            self.repo_key, self.user, self.address, self.path
        )
    }

    /// An object that begins with whose report it is; `more` follows.
    #[must_use]
    pub fn json(&self, handshake: &Handshake, more: Value) -> String {
        let mut all = Map::new();
        all.insert("repo".to_owned(), json!(self.repo_key));
        all.insert("server".to_owned(), json!(self.address));
        all.insert("user".to_owned(), json!(self.user));
        all.insert("path".to_owned(), json!(self.path));
        let software = handshake.offer.as_ref().map(|offer| &offer.greeting);
        all.insert("software".to_owned(), json!(software));
        if let Value::Object(more) = more {
            all.extend(more);
        }
        format!("{}\n", Value::Object(all))
    }
}
