//! One backup as `backup.info` lists it: an object under `[backup:current]` (`docs/format/info-files.md`).

use super::annotations::{Annotations, read_annotations, write_annotations};
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::{Error, Result};
use crate::info_file::json::{JsonReader, ObjectWriter, write_string};
use crate::limits;

/// Sizes of the block maps of a backup, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapSize {
    /// Of all files.
    pub all: u64,
    /// Of the files stored by this backup.
    pub delta: u64,
}

/// One entry of `[backup:current]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEntry {
    pub label: BackupLabel,
    /// `backrest-format` and `backrest-version` of the program that made the backup.
    pub format: u32,
    pub version: String,
    pub annotations: Annotations,
    /// First and last WAL segment; `None`: offline backup.
    pub archive_start: Option<String>,
    pub archive_stop: Option<String>,
    /// Page checksum errors were found; `None`: made before this was recorded, and kept so.
    pub error: Option<bool>,
    /// Σ stored size of all files, bytes.
    pub repo_size: u64,
    /// Σ stored size of the files stored by this backup, bytes.
    pub repo_size_delta: u64,
    /// Only for block-incremental backups.
    pub repo_size_map: Option<MapSize>,
    /// Σ size of all files, bytes.
    pub size: u64,
    /// Σ size of the files stored by this backup, bytes.
    pub size_delta: u64,
    pub lsn_start: Option<String>,
    pub lsn_stop: Option<String>,
    /// The backup this one depends on (diff, incr).
    pub prior: Option<BackupLabel>,
    /// All backups that hold files of this one, sorted, itself left out; `None` for a full backup.
    pub references: Option<Vec<BackupLabel>>,
    /// Seconds since 1970.
    pub timestamp_start: u64,
    /// Seconds since 1970.
    pub timestamp_stop: u64,
    pub backup_type: BackupType,
    /// History id of the cluster.
    pub pg_id: u32,
    pub option_archive_check: bool,
    pub option_archive_copy: bool,
    pub option_backup_standby: bool,
    pub option_checksum_page: bool,
    pub option_compress: bool,
    pub option_hardlink: bool,
    pub option_online: bool,
}

impl BackupEntry {
    /// Appends the JSON object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        object.u64("backrest-format", self.format.into());
        object.string("backrest-version", &self.version);
        if !self.annotations.is_empty() {
            write_annotations(object.key("backup-annotation"), &self.annotations);
        }
        for (key, segment) in [
            ("backup-archive-start", &self.archive_start),
            ("backup-archive-stop", &self.archive_stop),
        ] {
            match segment {
                Some(segment) => object.string(key, segment),
                None => object.key(key).extend_from_slice(b"null"),
            }
        }
        if let Some(error) = self.error {
            object.bool("backup-error", error);
        }
        object.u64("backup-info-repo-size", self.repo_size);
        object.u64("backup-info-repo-size-delta", self.repo_size_delta);
        if let Some(map) = self.repo_size_map {
            object.u64("backup-info-repo-size-map", map.all);
            object.u64("backup-info-repo-size-map-delta", map.delta);
        }
        object.u64("backup-info-size", self.size);
        object.u64("backup-info-size-delta", self.size_delta);
        if let Some(lsn) = &self.lsn_start {
            object.string("backup-lsn-start", lsn);
        }
        if let Some(lsn) = &self.lsn_stop {
            object.string("backup-lsn-stop", lsn);
        }
        if let Some(prior) = &self.prior {
            object.string("backup-prior", prior.as_str());
        }
        if let Some(references) = &self.references {
            let out = object.key("backup-reference");
            out.push(b'[');
            for (at, label) in references.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(out, label.as_str().as_bytes());
            }
            out.push(b']');
        }
        object.u64("backup-timestamp-start", self.timestamp_start);
        object.u64("backup-timestamp-stop", self.timestamp_stop);
        object.string("backup-type", self.backup_type.name());
        object.u64("db-id", self.pg_id.into());
        object.bool("option-archive-check", self.option_archive_check);
        object.bool("option-archive-copy", self.option_archive_copy);
        object.bool("option-backup-standby", self.option_backup_standby);
        object.bool("option-checksum-page", self.option_checksum_page);
        object.bool("option-compress", self.option_compress);
        object.bool("option-hardlink", self.option_hardlink);
        object.bool("option-online", self.option_online);
        object.end();
    }

    /// Parses the JSON object of `label`.
    pub(super) fn parse(label: BackupLabel, value: &[u8]) -> Result<Self> {
        let mut fields = Fields::default();
        let mut json = JsonReader::new(value);
        json.begin_object()?;
        while let Some(key) = json.next_key()? {
            fields.take(key, &mut json)?;
        }
        fields.finish(label)
    }
}

/// A string or `null`.
fn nullable(json: &mut JsonReader<'_>) -> Result<Option<String>> {
    if json.read_null() {
        Ok(None)
    } else {
        json.read_text().map(Some)
    }
}

/// What was found while an object is read; required keys are checked at the end.
#[derive(Default)]
struct Fields {
    format: Option<u32>,
    version: Option<String>,
    annotations: Annotations,
    texts: [Option<String>; 5],
    error: Option<bool>,
    numbers: [Option<u64>; 8],
    references: Option<Vec<BackupLabel>>,
    backup_type: Option<BackupType>,
    pg_id: Option<u32>,
    options: [Option<bool>; 7],
}

const TEXTS: [&str; 5] = [
    "backup-archive-start",
    "backup-archive-stop",
    "backup-lsn-start",
    "backup-lsn-stop",
    "backup-prior",
];
const NUMBERS: [&str; 8] = [
    "backup-info-repo-size",
    "backup-info-repo-size-delta",
    "backup-info-repo-size-map",
    "backup-info-repo-size-map-delta",
    "backup-info-size",
    "backup-info-size-delta",
    "backup-timestamp-start",
    "backup-timestamp-stop",
];
/// From here on they are times.
const TIMES: usize = 6;
const OPTIONS: [&str; 7] = [
    "option-archive-check",
    "option-archive-copy",
    "option-backup-standby",
    "option-checksum-page",
    "option-compress",
    "option-hardlink",
    "option-online",
];

fn missing(key: &str) -> Error {
    Error::json(format!("required key '{key}' not found"))
}

impl Fields {
    fn take(&mut self, key: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        let place = |keys: &[&str]| keys.iter().position(|known| known.as_bytes() == key);
        if let Some(at) = place(&TEXTS) {
            self.texts[at] = nullable(json)?;
        } else if let Some(at) = place(&NUMBERS) {
            self.numbers[at] = Some(json.read_u64()?);
        } else if let Some(at) = place(&OPTIONS) {
            self.options[at] = Some(json.read_bool()?);
        } else {
            match key {
                b"backrest-format" => self.format = Some(json.read_u32()?),
                b"backrest-version" => self.version = Some(json.read_text()?),
                b"backup-annotation" => self.annotations = read_annotations(json)?,
                b"backup-error" => self.error = Some(json.read_bool()?),
                b"backup-reference" => self.references = Some(read_labels(json)?),
                b"backup-type" => self.backup_type = Some(json.read_text()?.parse()?),
                b"db-id" => self.pg_id = Some(json.read_u32()?),
                _ => json.skip()?,
            }
        }
        Ok(())
    }

    fn finish(self, label: BackupLabel) -> Result<BackupEntry> {
        let number = |at: usize| {
            let value = self.numbers[at].ok_or_else(|| missing(NUMBERS[at]))?;
            let most = match at {
                TIMES.. => limits::TIME,
                _ => limits::SET_SIZE,
            };
            limits::within(0..=most, value, NUMBERS[at], || format!("backup '{label}'"))
        };
        let option = |at: usize| self.options[at].ok_or_else(|| missing(OPTIONS[at]));
        let repo_size_map = match self.numbers[2] {
            Some(_) => Some(MapSize {
                all: number(2)?,
                delta: number(3)?,
            }),
            None => None,
        };
        let (repo_size, repo_size_delta, size, size_delta) =
            (number(0)?, number(1)?, number(4)?, number(5)?);
        let (timestamp_start, timestamp_stop) = (number(6)?, number(7)?);
        let options = [
            option(0)?,
            option(1)?,
            option(2)?,
            option(3)?,
            option(4)?,
            option(5)?,
            option(6)?,
        ];
        let [archive_start, archive_stop, lsn_start, lsn_stop, prior] = self.texts;
        Ok(BackupEntry {
            label,
            format: self.format.ok_or_else(|| missing("backrest-format"))?,
            version: self.version.ok_or_else(|| missing("backrest-version"))?,
            annotations: self.annotations,
            archive_start,
            archive_stop,
            error: self.error,
            repo_size,
            repo_size_delta,
            repo_size_map,
            size,
            size_delta,
            lsn_start,
            lsn_stop,
            prior: prior.map(|prior| prior.parse()).transpose()?,
            references: self.references,
            timestamp_start,
            timestamp_stop,
            backup_type: self.backup_type.ok_or_else(|| missing("backup-type"))?,
            pg_id: self.pg_id.ok_or_else(|| missing("db-id"))?,
            option_archive_check: options[0],
            option_archive_copy: options[1],
            option_backup_standby: options[2],
            option_checksum_page: options[3],
            option_compress: options[4],
            option_hardlink: options[5],
            option_online: options[6],
        })
    }
}

fn read_labels(json: &mut JsonReader<'_>) -> Result<Vec<BackupLabel>> {
    let mut labels = Vec::new();
    json.begin_array()?;
    while json.next_element()? {
        labels.push(json.read_text()?.parse()?);
    }
    Ok(labels)
}
