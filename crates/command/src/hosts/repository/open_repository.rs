//! A repository that a run has opened.

use std::sync::Arc;

use pgkeep_storage::Storage;
use secrecy::SecretString;

use super::remote;

/// One of repo1, repo2, …: its storage and the pass-phrase of its info files.
#[derive(Debug, Clone)]
pub struct Repository {
    pub key: u32,
    pub storage: Arc<dyn Storage>,
    /// Pass-phrase that encrypts `archive.info` and `backup.info`; `None`: not encrypted.
    pub pass: Option<SecretString>,
    /// The other host that has it. What needs a key can be done there.
    pub elsewhere: Option<Arc<remote::RemoteStorage>>,
}

impl Repository {
    /// `repo1`
    #[must_use]
    pub fn name(&self) -> String {
        format!("repo{}", self.key)
    }

    /// `none` or `aes-256-cbc`.
    #[must_use]
    pub fn cipher_name(&self) -> &'static str {
        // The other host may have decrypted for this one, which then has no pass-phrase.
        let there = self
            .elsewhere
            .as_ref()
            .and_then(|storage| storage.answer().ok())
            .is_some_and(|answer| answer.cipher != "none");
        if there || self.pass.is_some() {
            "aes-256-cbc"
        } else {
            "none"
        }
    }
}
