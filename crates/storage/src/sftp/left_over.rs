//! Temporary files of processes that ended: removed when a day old by the server's clock, never by ours.

use crate::copy::write_all;
use crate::{
    Error, ErrorKind, FileInfo, FileType, InfoLevel, ListOptions, Operation, Result, Storage,
    StoragePath, WriteMode, WriteOptions,
};

const DAY: i64 = 24 * 60 * 60;
const ENDING: &[u8] = b".pgbackrest.tmp";

pub(super) fn remove(storage: &dyn Storage, path: &StoragePath, deep: bool) -> Result<usize> {
    let mut temporary = Vec::new();
    let mut look = |info: FileInfo| {
        if info.kind == FileType::File && info.name.as_bytes().ends_with(ENDING) {
            temporary.push(info);
        }
        Ok(())
    };
    let options = ListOptions::default();
    if deep {
        storage.list_tree(path, &options, &mut look)?;
    } else {
        let listed = storage.list(path, &options)?.unwrap_or_default();
        listed.into_iter().try_for_each(&mut look)?;
    }
    if temporary.is_empty() {
        return Ok(0);
    }
    let now = server_time(storage, path)?;
    let old: Vec<StoragePath> = temporary
        .iter()
        .filter(|info| info.modified < now - DAY)
        .map(|info| path.join(info.name.as_bytes()))
        .collect();
    storage.remove_many(&old)?;
    Ok(old.len())
}

/// The server's clock is what it writes as the time of a new file.
fn server_time(storage: &dyn Storage, path: &StoragePath) -> Result<i64> {
    let probe = path.join(super::write::temp_name(b"time"));
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
