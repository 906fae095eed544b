//! The clusters a stanza has had: `[db]` and `[db:history]` of `archive.info` and `backup.info`
//! (`docs/format/info-files.md`).
//!
//! Entries are kept oldest first, as in the file. Which of the two dialects is spoken ([`Dialect`]) is the only difference
//! between the files; in `archive.info` the system identifier goes under the key `db-id`, a mistake as old as the format.

use std::io::Write;

use crate::archive_id::ArchiveId;
use crate::error::{Error, Result};
use crate::info_file::InfoWriter;
use crate::info_file::json::{JsonReader, ObjectWriter};

/// Whose history section is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Archive,
    Backup,
}

/// One cluster (or major version of it) that the stanza has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgHistoryEntry {
    /// History id, from 1, never reused.
    pub id: u32,
    /// System identifier from `pg_control`.
    pub system_id: u64,
    /// `17`, `9.6`: as text, because old repositories name versions that no program of today knows.
    pub version: String,
    /// From `pg_control`; 0 in `archive.info`, which does not keep it.
    pub catalog_version: u32,
    /// From `pg_control`; 0 in `archive.info`, which does not keep it.
    pub control_version: u32,
}

impl PgHistoryEntry {
    /// The directory name of this entry's WAL.
    #[must_use]
    pub fn archive_id(&self) -> ArchiveId {
        ArchiveId::new(self.version.clone(), self.id)
    }
}

/// The list of clusters, oldest first, and which of them is current. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgHistory {
    entries: Vec<PgHistoryEntry>,
    current: usize,
}

impl PgHistory {
    /// The history of a new stanza: one entry with id 1. The id of `entry` is ignored.
    #[must_use]
    pub fn new(entry: PgHistoryEntry) -> Self {
        Self {
            entries: vec![PgHistoryEntry { id: 1, ..entry }],
            current: 0,
        }
    }

    /// Adds a cluster (stanza-upgrade) with the id after the current one's and makes it current. The id of `entry` is
    /// ignored.
    pub fn upgrade(&mut self, entry: PgHistoryEntry) {
        let id = self.current().id.saturating_add(1);
        self.entries.push(PgHistoryEntry { id, ..entry });
        self.current = self.entries.len() - 1;
    }

    /// Makes a history from entries read elsewhere; fails when `current` is not the id of one of them.
    pub fn from_entries(entries: Vec<PgHistoryEntry>, current: u32) -> Result<Self> {
        let current = entries
            .iter()
            .position(|entry| entry.id == current)
            .ok_or_else(|| Error::format("unable to find current id in history"))?;
        Ok(Self { entries, current })
    }

    /// The cluster that backups and WAL belong to now.
    #[must_use]
    pub fn current(&self) -> &PgHistoryEntry {
        &self.entries[self.current]
    }

    /// All entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[PgHistoryEntry] {
        &self.entries
    }

    /// The entry with this history id.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<&PgHistoryEntry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Writes `[db]` and `[db:history]`.
    pub fn write<W: Write>(&self, writer: &mut InfoWriter<W>, dialect: Dialect) -> Result<()> {
        let current = self.current();
        if dialect == Dialect::Backup {
            writer.u64("db", b"db-catalog-version", current.catalog_version.into())?;
            writer.u64("db", b"db-control-version", current.control_version.into())?;
        }
        writer.u64("db", b"db-id", current.id.into())?;
        writer.u64("db", b"db-system-id", current.system_id)?;
        writer.string("db", b"db-version", current.version.as_bytes())?;
        for entry in &self.entries {
            writer.value("db:history", entry.id.to_string().as_bytes(), |out| {
                let mut object = ObjectWriter::begin(out);
                match dialect {
                    Dialect::Archive => object.u64("db-id", entry.system_id),
                    Dialect::Backup => {
                        object.u64("db-catalog-version", entry.catalog_version.into());
                        object.u64("db-control-version", entry.control_version.into());
                        object.u64("db-system-id", entry.system_id);
                    }
                }
                object.string("db-version", &entry.version);
                object.end();
            })?;
        }
        Ok(())
    }
}

/// Collects the two sections while a file is read.
#[derive(Debug)]
pub struct PgHistoryReader {
    dialect: Dialect,
    entries: Vec<PgHistoryEntry>,
    current: Option<u32>,
}

impl PgHistoryReader {
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            entries: Vec::new(),
            current: None,
        }
    }

    /// Takes an entry of the file; `false` if its section is not one of the two.
    pub fn take(&mut self, section: &[u8], key: &[u8], value: &[u8]) -> Result<bool> {
        match section {
            b"db" => {
                if key == b"db-id" {
                    self.current = Some(JsonReader::new(value).read_u32()?);
                }
            }
            b"db:history" => self.entries.push(self.entry(key, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn entry(&self, key: &[u8], value: &[u8]) -> Result<PgHistoryEntry> {
        let id = std::str::from_utf8(key)
            .ok()
            .and_then(|key| key.parse().ok())
            .ok_or_else(|| {
                Error::format(format!(
                    "invalid history id '{}'",
                    String::from_utf8_lossy(key)
                ))
            })?;
        let (mut catalog, mut control, mut system_id, mut version) = (None, None, None, None);
        let system_id_key: &[u8] = match self.dialect {
            Dialect::Archive => b"db-id",
            Dialect::Backup => b"db-system-id",
        };
        let mut json = JsonReader::new(value);
        json.begin_object()?;
        while let Some(key) = json.next_key()? {
            match key {
                b"db-catalog-version" => catalog = Some(json.read_u32()?),
                b"db-control-version" => control = Some(json.read_u32()?),
                b"db-version" => version = Some(json.read_text()?),
                key if key == system_id_key => system_id = Some(json.read_u64()?),
                _ => json.skip()?,
            }
        }
        let missing = |key: &str| Error::json(format!("required key '{key}' not found"));
        if self.dialect == Dialect::Backup {
            catalog.ok_or_else(|| missing("db-catalog-version"))?;
            control.ok_or_else(|| missing("db-control-version"))?;
        }
        let version = version.ok_or_else(|| missing("db-version"))?;
        if !is_version(&version) {
            return Err(Error::new(
                crate::error::ErrorType::Assert,
                format!("version '{version}' is not a valid PostgreSQL version"),
            ));
        }
        Ok(PgHistoryEntry {
            id,
            system_id: system_id.ok_or_else(|| missing(&String::from_utf8_lossy(system_id_key)))?,
            version,
            catalog_version: catalog.unwrap_or(0),
            control_version: control.unwrap_or(0),
        })
    }

    /// The history, once the file has ended.
    pub fn finish(self) -> Result<PgHistory> {
        if self.entries.is_empty() {
            return Err(Error::format("history is missing"));
        }
        let current = self
            .current
            .ok_or_else(|| Error::format("current id is missing"))?;
        PgHistory::from_entries(self.entries, current)
    }
}

/// Whether `text` is a version as pgBackRest writes it: `N.M` or two digits at least (`9` alone never was one).
pub(crate) fn is_version(text: &str) -> bool {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let number = |part: &str| {
        !part.is_empty() && part.len() < 4 && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.len() >= 2 && number(major) && number(minor)
}
