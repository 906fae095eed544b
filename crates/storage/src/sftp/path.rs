//! Directories: made with all their parents in one round trip, many at once.
//!
//! MKDIR of every level goes out in one step; those that exist refuse, which is fine as long as what comes last
//! succeeds. Repeating is harmless, so nothing has to be looked up after a lost connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::add_only;
use super::engine::channel::{Channel, Lost};
use super::engine::pool::{Pool, unexpected};
use super::place::Place;
use super::protocol::message::{Request, Response};
use super::protocol::status::Status;
use crate::{Error, ErrorKind, FileType, Operation, Result};

/// An answer, and beside it the last directory that might not be made where the answer is that something is missing.
type Answer = (Response, Option<(String, Status)>);

/// Makes `path` and its parents, then asks `request` in the same step.
///
/// Many files that find their directory missing at once let one of them make it. That saves the server refusals, and
/// rclone a mistake: two MKDIR of one directory on two channels may both succeed there, and what was opened between
/// them is not found again.
pub(crate) async fn path_and(
    pool: &Pool,
    channel: &Arc<Channel>,
    path: &Place,
    mode: u32,
    request: &Request<'_>,
) -> std::result::Result<Answer, Lost> {
    let making = &pool.making;
    loop {
        let before = making.times.load(Ordering::Acquire);
        let only_one = making.one.lock().await;
        if making.times.load(Ordering::Acquire) == before {
            let made = make_path_and(channel, path, mode, request).await;
            making.times.fetch_add(1, Ordering::AcqRel);
            return made;
        }
        drop(only_one);
        // What was made meanwhile may be this directory, or another one.
        let response = channel.ask(request).wait().await?;
        if !matches!(&response, Response::Status(status) if status.is_missing()) {
            return Ok((response, None));
        }
    }
}

async fn make_path_and(
    channel: &Arc<Channel>,
    path: &Place,
    mode: u32,
    request: &Request<'_>,
) -> std::result::Result<Answer, Lost> {
    let mut batch = channel.batch();
    let made: Vec<_> = path
        .levels()
        .map(|path| (path, batch.ask(&Request::Mkdir { path, mode })))
        .collect();
    let reply = batch.ask(request);
    batch.send();
    let mut denied = None;
    for (path, made) in made {
        if let Response::Status(status) = made.wait().await?
            && status.is_denied()
        {
            denied = Some((String::from_utf8_lossy(path).into_owned(), status));
        }
    }
    let response = reply.wait().await?;
    let missing = matches!(&response, Response::Status(status) if status.is_missing());
    Ok((response, denied.filter(|_| missing)))
}

/// Makes directories with their parents; all under way at once.
pub(crate) async fn create_paths(pool: &Arc<Pool>, places: &[Place], mode: u32) -> Result<()> {
    let mut retry = pool.retry();
    let mut left: Vec<&Place> = places.iter().collect();
    while !left.is_empty() {
        let channel = pool.channel().await?;
        add_only::check(pool, &channel, Operation::CreatePath, left[0])?;
        // In order on one channel, so that what an earlier one made need not be asked for again.
        let mut levels: Vec<&[u8]> = left.iter().flat_map(|place| place.levels()).collect();
        levels.sort_unstable();
        levels.dedup();
        let mut batch = channel.batch();
        let made: Vec<_> = levels
            .iter()
            .map(|&path| (path, batch.ask(&Request::Mkdir { path, mode })))
            .collect();
        let found: Vec<_> = left
            .iter()
            .map(|place| (*place, batch.ask(&Request::Stat { path: &place.bytes })))
            .collect();
        batch.send();
        let mut refusals = std::collections::HashMap::new();
        let mut lost = None;
        for (path, made) in made {
            match made.wait().await {
                Ok(Response::Status(status)) => drop(refusals.insert(path, status)),
                Ok(_) => {}
                Err(why) => lost = Some(why),
            }
        }
        let mut again = Vec::new();
        for (place, found) in found {
            match found.wait().await {
                Ok(Response::Attributes(attributes))
                    if attributes.kind().is_none_or(|kind| kind == FileType::Path) => {}
                Ok(Response::Attributes(_)) => {
                    return Err(Error::new(
                        ErrorKind::Exists,
                        Operation::CreatePath,
                        place.text(),
                        "it is not a directory",
                    ));
                }
                Ok(other) => {
                    // The first level that could not be made says why, not that the last one is missing.
                    let why = place
                        .levels()
                        .filter_map(|level| refusals.get(level))
                        .filter(|status| !status.is_missing())
                        .last();
                    return Err(match why {
                        Some(status) => status
                            .clone()
                            .into_error(Operation::CreatePath, place.text()),
                        None => unexpected(Operation::CreatePath, &place.text(), &other),
                    });
                }
                Err(why) => {
                    lost = Some(why);
                    again.push(place);
                }
            }
        }
        if let Some(lost) = lost {
            retry
                .lost(&lost, Operation::CreatePath, &left[0].text())
                .await?;
        }
        left = again;
    }
    Ok(())
}
