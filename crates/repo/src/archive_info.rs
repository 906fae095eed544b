//! `archive.info`: the clusters whose WAL the stanza holds, and the passphrase of that WAL
//! (`docs/format/info-files.md`).

use std::io::{BufRead, Write};

use pgkeep_storage::Storage;
use secrecy::SecretString;

use crate::error::Result;
use crate::info_file::{self, InfoWriter, LoadKind, StagedInfo};
use crate::layout;
use crate::pg_history::{Dialect, PgHistory, PgHistoryReader};
use crate::stanza::Stanza;

/// Contents of `archive.info`.
#[derive(Debug, Clone)]
pub struct ArchiveInfo {
    pub history: PgHistory,
    /// Passphrase of everything below the archive ids; `None`: not encrypted.
    pub cipher_pass: Option<SecretString>,
    /// Version of the program that wrote the file last.
    pub version: String,
    /// Whether nobody may write the file ([`crate::closed`]); `None`: to be looked up when it is saved.
    pub closed: Option<bool>,
}

impl ArchiveInfo {
    /// The file of a new stanza.
    #[must_use]
    pub fn new(history: PgHistory, cipher_pass: Option<SecretString>) -> Self {
        Self {
            history,
            cipher_pass,
            version: info_file::PROGRAM_VERSION.to_owned(),
            closed: None,
        }
    }

    /// Parses plain text.
    pub fn parse(input: &mut dyn BufRead) -> Result<Self> {
        let mut history = PgHistoryReader::new(Dialect::Archive);
        let header = info_file::read(input, &mut |section, key, value| {
            history.take(section, key, value)?;
            Ok(())
        })?;
        Ok(Self {
            history: history.finish()?,
            cipher_pass: header.cipher_pass,
            version: header.version,
            closed: None,
        })
    }

    /// Writes plain text, naming `version` as the program that wrote it.
    pub fn write(&self, out: impl Write, version: &str) -> Result<()> {
        let mut writer = InfoWriter::new(out, version, self.cipher_pass.as_ref())?;
        self.history.write(&mut writer, Dialect::Archive)?;
        writer.finish()?;
        Ok(())
    }

    /// Loads the stanza's file or its copy; `pass` is the repository's passphrase.
    pub fn load(
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<Self> {
        info_file::load(storage, &layout::archive_info(stanza), pass, LoadKind::Info, Self::parse).map_err(|error| {
            if error.kind.is_unreachable() {
                return error;
            }
            error
                .with_hint("archive.info cannot be opened but is required to push/get WAL segments.")
                .with_hint("is archive_command configured correctly in postgresql.conf?")
                .with_hint("has a stanza-create been performed?")
                .with_hint(
                    "use --no-archive-check to disable archive checks during backup if you have an alternate archiving \
                     scheme.",
                )
        })
    }

    /// Saves the file, then its copy, both durable on return.
    pub fn save(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        info_file::publish(vec![self.stage(storage, stanza, pass)?])
    }

    /// Begins to save; see [`info_file::publish`].
    pub fn stage(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<StagedInfo> {
        let mut plain = Vec::new();
        self.write(&mut plain, info_file::PROGRAM_VERSION)?;
        let path = layout::archive_info(stanza);
        info_file::stage(storage, &path, (plain, self.closed), pass)
    }
}
