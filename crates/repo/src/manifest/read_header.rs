//! Reads the short sections of a manifest: the backup, its cluster, its options, targets and databases.

use std::ops::RangeInclusive;

use pgkeep_pipeline::CompressType;

use super::target::TargetKind;
use super::{BackupHeader, BackupOptions, Database, PgInfo, Target};
use crate::error::{Error, Result};
use crate::info_file::json::JsonReader;
use crate::limits;
use crate::pg_history::is_version;

/// Levels of all kinds of compression.
const LEVELS: RangeInclusive<i32> = -7..=22;

/// One entry of `[backup]`; the list of references is read by the caller.
pub(super) fn backup(
    backup: &mut BackupHeader,
    key: &[u8],
    json: &mut JsonReader<'_>,
) -> Result<()> {
    let mut time = || {
        let object = || "the backup".to_owned();
        let name = String::from_utf8_lossy(key);
        let time = limits::within(0..=limits::TIME, json.read_u64()?, &name, object)?;
        Ok::<_, Error>(time.cast_signed())
    };
    match key {
        b"backup-timestamp-copy-start" => backup.timestamp_copy_start = time()?,
        b"backup-timestamp-start" => backup.timestamp_start = time()?,
        b"backup-timestamp-stop" => backup.timestamp_stop = time()?,
        b"backup-block-incr" => backup.block_incr = json.read_bool()?,
        b"backup-bundle" => backup.bundle = json.read_bool()?,
        b"backup-bundle-raw" => backup.bundle_raw = json.read_bool()?,
        b"backup-type" => backup.backup_type = json.read_text()?.parse()?,
        b"backup-archive-start" => backup.archive_start = nullable(json)?,
        b"backup-archive-stop" => backup.archive_stop = nullable(json)?,
        b"backup-label" => backup.label = nullable(json)?.map(|label| label.parse()).transpose()?,
        b"backup-lsn-start" => backup.lsn_start = nullable(json)?,
        b"backup-lsn-stop" => backup.lsn_stop = nullable(json)?,
        b"backup-prior" => backup.prior = nullable(json)?.map(|label| label.parse()).transpose()?,
        _ => {}
    }
    Ok(())
}

/// One entry of `[backup:db]`.
pub(super) fn pg(pg: &mut PgInfo, key: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
    match key {
        b"db-id" => pg.id = json.read_u32()?,
        b"db-system-id" => pg.system_id = json.read_u64()?,
        b"db-catalog-version" => pg.catalog_version = json.read_u32()?,
        b"db-control-version" => pg.control_version = json.read_u32()?,
        b"db-version" => {
            pg.version = json.read_text()?;
            if !is_version(&pg.version) {
                return Err(Error::format(format!(
                    "version '{}' is not valid",
                    pg.version
                )));
            }
        }
        _ => {}
    }
    Ok(())
}

/// One entry of `[backup:option]`.
pub(super) fn option(
    options: &mut BackupOptions,
    key: &[u8],
    json: &mut JsonReader<'_>,
) -> Result<()> {
    let mut level = || {
        // Negative ones are written as what they are without a sign.
        let level = json.read_u32()?.cast_signed();
        let range = LEVELS;
        match range.contains(&level) {
            true => Ok(Some(level)),
            false => Err(limits::damaged(format!(
                "value {level} of '{}' of the backup is out of range ({} to {})",
                String::from_utf8_lossy(key),
                range.start(),
                range.end()
            ))),
        }
    };
    match key {
        b"option-compress-level" => options.compress_level = level()?,
        b"option-compress-level-network" => options.compress_level_network = level()?,
        b"option-archive-check" => options.archive_check = json.read_bool()?,
        b"option-archive-copy" => options.archive_copy = json.read_bool()?,
        b"option-backup-standby" => options.backup_standby = Some(json.read_bool()?),
        b"option-buffer-size" => options.buffer_size = Some(json.read_u32()?),
        b"option-checksum-page" => options.checksum_page = Some(json.read_bool()?),
        // Once meant gz; the type, if there is one, comes later in the file and says better.
        b"option-compress" => {
            options.compress_type = if json.read_bool()? {
                CompressType::Gz
            } else {
                CompressType::None
            };
        }
        b"option-compress-type" => {
            let name = json.read_text()?;
            options.compress_type = name
                .parse()
                .map_err(|_| Error::format(format!("invalid compression type '{name}'")))?;
        }
        b"option-delta" => options.delta = Some(json.read_bool()?),
        b"option-hardlink" => options.hardlink = json.read_bool()?,
        b"option-online" => options.online = json.read_bool()?,
        b"option-process-max" => options.process_max = Some(json.read_u32()?),
        _ => {}
    }
    Ok(())
}

/// A string or `null`.
fn nullable(json: &mut JsonReader<'_>) -> Result<Option<String>> {
    if json.read_null() {
        Ok(None)
    } else {
        json.read_text().map(Some)
    }
}

/// One entry of `[backup:target]`.
pub(super) fn target(name: &[u8], json: &mut JsonReader<'_>) -> Result<Target> {
    let (mut file, mut path, mut oid, mut tablespace, mut kind) = (None, None, None, None, None);
    json.begin_object()?;
    while let Some(key) = json.next_key()? {
        match key {
            b"file" => file = Some(json.read_string()?.into_owned()),
            b"path" => path = Some(json.read_string()?.into_owned()),
            b"tablespace-id" => oid = Some(json.read_text()?),
            b"tablespace-name" => tablespace = Some(json.read_string()?.into_owned()),
            b"type" => kind = Some(json.read_text()?),
            _ => json.skip()?,
        }
    }
    let missing = |key: &str| Error::json(format!("required key '{key}' not found"));
    let kind = match (kind.ok_or_else(|| missing("type"))?.as_str(), oid) {
        ("path", None) => TargetKind::Path,
        ("link", None) => TargetKind::Link { file },
        ("link", Some(oid)) => TargetKind::Tablespace {
            oid: oid
                .parse()
                .map_err(|_| Error::format(format!("invalid tablespace id '{oid}'")))?,
            name: tablespace.ok_or_else(|| missing("tablespace-name"))?,
        },
        (kind, _) => return Err(Error::format(format!("invalid target type '{kind}'"))),
    };
    Ok(Target {
        name: name.to_vec(),
        path: path.ok_or_else(|| missing("path"))?,
        kind,
    })
}

/// One entry of `[db]`.
pub(super) fn database(name: &[u8], json: &mut JsonReader<'_>) -> Result<Database> {
    let (mut oid, mut last) = (None, None);
    json.begin_object()?;
    while let Some(key) = json.next_key()? {
        match key {
            b"db-id" => oid = Some(json.read_u32()?),
            b"db-last-system-id" => last = Some(json.read_u32()?),
            _ => json.skip()?,
        }
    }
    let missing = |key: &str| Error::json(format!("required key '{key}' not found"));
    Ok(Database {
        name: name.to_vec(),
        oid: oid.ok_or_else(|| missing("db-id"))?,
        last_system_oid: last.ok_or_else(|| missing("db-last-system-id"))?,
    })
}
