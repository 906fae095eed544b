//! Directories read with many requests under way.
//!
//! READDIR returns about a hundred names at a time; several are asked for at once on each handle, and all directories
//! of one level of a tree are read at the same time. Attributes come with the names; only where a server leaves them
//! out is each entry looked up.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::engine::channel::{Channel, Lost};
use super::engine::pool::{Pool, unexpected};
use super::info::look_up;
use super::place::Place;
use super::protocol::message::{Name, Request, Response};
use super::protocol::status::Status;
use crate::{
    Error, ErrorKind, FileInfo, FileType, Found, InfoLevel, ListOptions, Operation, Result,
    StoragePath,
};

/// Directories read at once.
const AT_ONCE: usize = 64;

enum Fail {
    Lost(Lost),
    Error(Error),
}

impl From<Lost> for Fail {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// All entries of one directory, without `.` and `..`; `None`: it is not there.
async fn read_names(pool: &Arc<Pool>, place: &Place) -> Result<Option<Vec<Name>>> {
    let mut retry = pool.retry();
    loop {
        let channel = pool.channel().await?;
        match read_once(&channel, place).await {
            Ok(names) => return Ok(names),
            Err(Fail::Error(error)) => return Err(error),
            Err(Fail::Lost(lost)) => retry.lost(&lost, Operation::List, &place.text()).await?,
        }
    }
}

async fn read_once(
    channel: &Arc<Channel>,
    place: &Place,
) -> std::result::Result<Option<Vec<Name>>, Fail> {
    let bad =
        |response: &Response| Fail::Error(unexpected(Operation::List, &place.text(), response));
    let handle: Bytes = match channel
        .ask(&Request::Opendir { path: &place.bytes })
        .wait()
        .await?
    {
        Response::Handle(handle) => handle,
        Response::Status(status) if status.is_missing() => return Ok(None),
        other => return Err(bad(&other)),
    };
    let mut names = Vec::new();
    let mut at_once = 2;
    let mut failure = None;
    let mut end = false;
    while !end && failure.is_none() {
        let mut batch = channel.batch();
        let replies: Vec<_> = (0..at_once)
            .map(|_| batch.ask(&Request::Readdir { handle: &handle }))
            .collect();
        batch.send();
        at_once = (at_once * 4).min(64);
        for reply in replies {
            match reply.wait().await? {
                Response::Names(more) => names.extend(
                    more.into_iter()
                        .filter(|one| one.name != "." && one.name != ".."),
                ),
                Response::Status(Status {
                    code: Status::EOF, ..
                }) => end = true,
                other => failure = Some(bad(&other)),
            }
        }
    }
    let mut batch = channel.batch();
    batch.tell(&Request::Close { handle: &handle });
    batch.send();
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Some(names)),
    }
}

/// Entries with what `level` promises.
async fn entries(
    pool: &Arc<Pool>,
    place: &Place,
    level: InfoLevel,
    sort: bool,
) -> Result<Option<Vec<FileInfo>>> {
    let Some(mut names) = read_names(pool, place).await? else {
        return Ok(None);
    };
    // A name with a slash would let a server make us reach outside of the directory.
    names.retain(|one| !one.name.is_empty() && !one.name.contains(&b'/'));
    if sort {
        names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
    let incomplete: Vec<usize> = (0..names.len())
        .filter(|&i| {
            let found = &names[i].attributes;
            !found.enough_for(level)
                || (level == InfoLevel::Detail && found.kind() == Some(FileType::Link))
        })
        .collect();
    let mut looked: Vec<Option<FileInfo>> = Vec::new();
    if !incomplete.is_empty() {
        let paths: Vec<(Place, StoragePath)> = incomplete
            .iter()
            .map(|&i| (place.join(&names[i].name), StoragePath::new(&names[i].name)))
            .collect();
        looked = look_up(pool, &paths, level).await?;
    }
    let mut looked = incomplete.into_iter().zip(looked).peekable();
    let mut out = Vec::with_capacity(names.len());
    for (index, one) in names.into_iter().enumerate() {
        if looked.peek().is_some_and(|(of, _)| *of == index) {
            // It may have vanished meanwhile.
            out.extend(looked.next().and_then(|(_, info)| info));
        } else {
            out.push(one.attributes.into_info(StoragePath::new(&one.name), level));
        }
    }
    Ok(Some(out))
}

pub(crate) async fn list(
    pool: &Arc<Pool>,
    place: &Place,
    options: &ListOptions,
) -> Result<Option<Vec<FileInfo>>> {
    entries(pool, place, options.level, options.sort).await
}

/// The entries of many directories, all read at the same time; `None`: it is not there.
async fn read_group(
    pool: &Arc<Pool>,
    group: &[(StoragePath, Place)],
    level: InfoLevel,
    sort: bool,
) -> Result<Vec<Option<Vec<FileInfo>>>> {
    let mut reading = JoinSet::new();
    for (index, (_, place)) in group.iter().enumerate() {
        let (pool, place) = (Arc::clone(pool), place.clone());
        reading.spawn(async move { (index, entries(&pool, &place, level, sort).await) });
    }
    let mut results: Vec<Option<Vec<FileInfo>>> = vec![None; group.len()];
    while let Some(joined) = reading.join_next().await {
        let (index, found) = joined.map_err(|error| {
            Error::new(ErrorKind::Broken, Operation::List, "", error.to_string())
        })?;
        results[index] = found?;
    }
    Ok(results)
}

/// Walks a tree level by level; `each` gets a directory's entries before what is below them.
///
/// `each` is called on the caller's thread outside of the runtime, so that it may use the storage.
pub(crate) fn list_tree(
    pool: &Arc<Pool>,
    runtime: &Handle,
    place: &Place,
    options: &ListOptions,
    each: &mut dyn FnMut(FileInfo) -> Result<()>,
) -> Result<Found> {
    // The type is needed to descend.
    let level = options.level.max(InfoLevel::Type);
    let mut directories: Vec<(StoragePath, Place)> = vec![(StoragePath::root(), place.clone())];
    let mut top = true;
    while !directories.is_empty() {
        let mut below = Vec::new();
        for group in directories.chunks(AT_ONCE) {
            let results = runtime.block_on(read_group(pool, group, level, options.sort))?;
            for ((prefix, place), found) in group.iter().zip(results) {
                let Some(found) = found else {
                    if top {
                        return Ok(Found::Missing);
                    }
                    continue;
                };
                top = false;
                for mut info in found {
                    let name = prefix.join(info.name.as_bytes());
                    if info.kind == FileType::Path {
                        below.push((name.clone(), place.join(info.name.as_bytes())));
                    }
                    info.name = name;
                    each(info)?;
                }
            }
        }
        directories = below;
    }
    Ok(Found::Found)
}
