//! Temporary files of writers that ended without a trace: removed when a day old by the storage's own clock, never by
//! ours. Who writes gives the file a new time again and again, so one that is being written is younger.

use crate::copy::write_all;
use crate::temporary::{TEMP_SUFFIX, temp_name};
use crate::{
    Error, ErrorKind, FileInfo, FileType, InfoLevel, ListOptions, Operation, Result, Storage,
    StoragePath, WriteMode, WriteOptions,
};

const DAY: i64 = 24 * 60 * 60;

/// [`Storage::remove_left_overs`]; `in_use` says of an old file that its writer is known to be alive.
pub(crate) fn remove(
    storage: &dyn Storage,
    path: &StoragePath,
    deep: bool,
    in_use: &dyn Fn(&StoragePath) -> bool,
) -> Result<usize> {
    let temporary = temporary_files(storage, path, deep)?;
    if temporary.is_empty() {
        return Ok(0);
    }
    let now = clock(storage, path)?;
    let old: Vec<StoragePath> = temporary
        .into_iter()
        .filter(|info| info.modified < now - DAY)
        .map(|info| info.name)
        .filter(|path| !in_use(path))
        .collect();
    storage.remove_many(&old)?;
    Ok(old.len())
}

/// All files with a temporary name, each with its path and time.
fn temporary_files(storage: &dyn Storage, path: &StoragePath, deep: bool) -> Result<Vec<FileInfo>> {
    // A file system is asked for the times of these alone, not of all WAL. Over a network the times come with the names,
    // and asking for them later would be a further round trip.
    let with_times = storage.has_latency();
    let options = ListOptions {
        level: if with_times {
            InfoLevel::Basic
        } else {
            InfoLevel::Type
        },
        ..ListOptions::default()
    };
    let mut found = Vec::new();
    let mut keep = |mut info: FileInfo| {
        // A link gets its name as a file does.
        if matches!(info.kind, FileType::File | FileType::Link)
            && info.name.as_bytes().ends_with(TEMP_SUFFIX.as_bytes())
        {
            info.name = path.join(info.name.as_bytes());
            found.push(info);
        }
        Ok(())
    };
    if deep {
        storage.list_tree(path, &options, &mut keep)?;
    } else {
        let listed = storage.list(path, &options)?.unwrap_or_default();
        listed.into_iter().try_for_each(&mut keep)?;
    }
    if with_times {
        return Ok(found);
    }
    let names: Vec<StoragePath> = found.into_iter().map(|info| info.name).collect();
    let infos = storage.info_many(&names, InfoLevel::Basic)?;
    Ok(infos.into_iter().flatten().collect())
}

/// The clock of a server, or of whoever exports a share, is what it writes as the time of a new file.
fn clock(storage: &dyn Storage, path: &StoragePath) -> Result<i64> {
    let probe = path.join(temp_name(b"time"));
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        sync: false,
        create_path: false,
        ..WriteOptions::default()
    };
    write_all(storage, &probe, &options, b"")?;
    let info = storage.info(&probe, InfoLevel::Basic);
    storage.remove(&probe)?;
    info?.map(|info| info.modified).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            Operation::Info,
            storage.display(&probe),
            "",
        )
    })
}
