//! Removes files and trees with many requests under way.
//!
//! After a lost connection the outcome of a removal is unknown: a file that is missing then counts as removed.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::add_only;
use super::engine::pool::{Pool, unexpected};
use super::info::look_up;
use super::list::list_tree;
use super::place::Place;
use super::protocol::message::{Request, Response};
use super::protocol::status::Status;
use crate::{FileType, Found, InfoLevel, ListOptions, Operation, Removed, Result, StoragePath};

const AT_ONCE: usize = 512;

/// Removes files or links, results in order.
pub(crate) async fn remove_many(pool: &Arc<Pool>, places: &[Place]) -> Result<Vec<Removed>> {
    let mut out = Vec::with_capacity(places.len());
    if let Some(first) = places.first() {
        add_only::refuse_to_remove(pool, Operation::Remove, first)?;
    }
    for group in places.chunks(AT_ONCE) {
        out.extend(in_one_step(pool, group, Operation::Remove).await?);
    }
    Ok(out)
}

/// One request for each place, in order on one channel.
async fn in_one_step(
    pool: &Arc<Pool>,
    places: &[Place],
    operation: Operation,
) -> Result<Vec<Removed>> {
    let mut retry = pool.retry();
    let mut out: Vec<Option<Removed>> = vec![None; places.len()];
    let mut repeated = false;
    loop {
        let channel = pool.channel().await?;
        let mut batch = channel.batch();
        let replies: Vec<_> = (0..places.len())
            .filter(|&index| out[index].is_none())
            .map(|index| {
                let path = &places[index].bytes[..];
                let request = if operation == Operation::Remove {
                    Request::Remove { path }
                } else {
                    Request::Rmdir { path }
                };
                (index, batch.ask(&request))
            })
            .collect();
        batch.send();
        let mut lost = None;
        for (index, reply) in replies {
            match reply.wait().await {
                Ok(Response::Ok) => out[index] = Some(Removed::Removed),
                Ok(Response::Status(status)) if status.is_missing() => {
                    out[index] = Some(if repeated {
                        Removed::Removed
                    } else {
                        Removed::Missing
                    });
                }
                Ok(Response::Status(Status {
                    code: Status::FAILURE,
                    ..
                })) if repeated
                    && operation == Operation::Remove
                    && is_gone(pool, &places[index]).await? =>
                {
                    out[index] = Some(Removed::Removed);
                }
                Ok(other) => return Err(unexpected(operation, &places[index].text(), &other)),
                Err(why) => lost = Some((why, index)),
            }
        }
        match lost {
            None => {
                return Ok(out
                    .into_iter()
                    .map(|one| one.unwrap_or(Removed::Missing))
                    .collect());
            }
            Some((why, index)) => {
                retry.lost(&why, operation, &places[index].text()).await?;
                repeated = true;
            }
        }
    }
}

async fn is_gone(pool: &Arc<Pool>, place: &Place) -> Result<bool> {
    let object = place.text();
    let (response, _) = pool
        .repeatable(Operation::Info, &object, |channel| {
            channel.ask(&Request::Lstat { path: &place.bytes })
        })
        .await?;
    Ok(matches!(response, Response::Status(status) if status.is_missing()))
}

/// Removes a directory and all below it: files first, then directories from the deepest up in one step.
pub(crate) fn remove_tree(pool: &Arc<Pool>, runtime: &Handle, place: &Place) -> Result<Removed> {
    add_only::refuse_to_remove(pool, Operation::RemovePath, place)?;
    // Opening a link would follow it.
    let itself = [(place.clone(), StoragePath::root())];
    match runtime
        .block_on(look_up(pool, &itself, InfoLevel::Type))?
        .pop()
        .flatten()
    {
        None => return Ok(Removed::Missing),
        Some(info) if info.kind == FileType::Path => {}
        Some(_) => return Ok(runtime.block_on(remove_many(pool, std::slice::from_ref(place)))?[0]),
    }
    let mut files = Vec::new();
    let mut directories = vec![place.clone()];
    let options = ListOptions {
        level: InfoLevel::Type,
        ..ListOptions::default()
    };
    let found = list_tree(pool, runtime, place, &options, &mut |info| {
        let below = place.join(info.name.as_bytes());
        if info.kind == FileType::Path {
            directories.push(below);
        } else {
            files.push(below);
        }
        Ok(())
    })?;
    if found == Found::Missing {
        return Ok(Removed::Missing);
    }
    runtime.block_on(async {
        remove_many(pool, &files).await?;
        // The walk reports a directory before what is below it.
        directories.reverse();
        for group in directories.chunks(AT_ONCE) {
            in_one_step(pool, group, Operation::RemovePath).await?;
        }
        Ok(Removed::Removed)
    })
}
