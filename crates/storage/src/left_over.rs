//! Temporary files of writers that ended without a trace: removed when a day old by the storage's own clock, never by
//! ours. Who writes gives the file a new time again and again, so one that is being written is younger.

use regex::bytes::Regex;

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
    let mut temporary = Vec::new();
    let mut look = |info: FileInfo| {
        // A link gets its name as a file does.
        if matches!(info.kind, FileType::File | FileType::Link) {
            temporary.push(info);
        }
        Ok(())
    };
    // By name first: a file system need then not be asked for the times of all WAL.
    let ending = format!("{}$", regex::escape(TEMP_SUFFIX));
    let options = ListOptions {
        filter: Some(Regex::new(&ending).expect("an escaped text is an expression")),
        ..ListOptions::default()
    };
    if deep {
        storage.list_tree(path, &options, &mut look)?;
    } else {
        let listed = storage.list(path, &options)?.unwrap_or_default();
        listed.into_iter().try_for_each(&mut look)?;
    }
    if temporary.is_empty() {
        return Ok(0);
    }
    let now = clock(storage, path)?;
    let old: Vec<StoragePath> = temporary
        .iter()
        .filter(|info| info.modified < now - DAY)
        .map(|info| path.join(info.name.as_bytes()))
        .filter(|path| !in_use(path))
        .collect();
    storage.remove_many(&old)?;
    Ok(old.len())
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
