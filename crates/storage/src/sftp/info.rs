//! Looks entries up: many LSTATs under way at once, READLINK only where the destination is wanted.

use std::sync::Arc;

use super::engine::pool::{Pool, unexpected};
use super::place::Place;
use super::protocol::attributes::Attributes;
use super::protocol::message::{Request, Response};
use crate::{FileInfo, FileType, InfoLevel, Operation, Result, StoragePath};

/// Requests sent before the first answer is waited for.
const AT_ONCE: usize = 256;

/// What is known of each place, in order; the second half of a pair is the name to report.
pub(crate) async fn look_up(
    pool: &Arc<Pool>,
    places: &[(Place, StoragePath)],
    level: InfoLevel,
) -> Result<Vec<Option<FileInfo>>> {
    let mut out = Vec::with_capacity(places.len());
    for group in places.chunks(AT_ONCE) {
        let found = group_once(pool, group, level).await?;
        out.extend(found);
    }
    Ok(out)
}

async fn group_once(
    pool: &Arc<Pool>,
    group: &[(Place, StoragePath)],
    level: InfoLevel,
) -> Result<Vec<Option<FileInfo>>> {
    let mut retry = pool.retry();
    'again: loop {
        let channel = pool.channel().await?;
        let mut batch = channel.batch();
        let replies: Vec<_> = group
            .iter()
            .map(|(place, _)| batch.ask(&Request::Lstat { path: &place.bytes }))
            .collect();
        batch.send();
        let mut found: Vec<Option<FileInfo>> = Vec::with_capacity(group.len());
        let mut links = Vec::new();
        for ((place, name), reply) in group.iter().zip(replies) {
            match reply.wait().await {
                Ok(Response::Attributes(attributes)) => {
                    let attributes: Attributes = attributes;
                    let info = attributes.into_info(name.clone(), level);
                    if info.kind == FileType::Link && level == InfoLevel::Detail {
                        links.push(found.len());
                    }
                    found.push(Some(info));
                }
                Ok(Response::Status(status)) if status.is_missing() => found.push(None),
                Ok(other) => return Err(unexpected(Operation::Info, &place.text(), &other)),
                Err(lost) => {
                    retry.lost(&lost, Operation::Info, &place.text()).await?;
                    continue 'again;
                }
            }
        }
        let mut batch = channel.batch();
        let replies: Vec<_> = links
            .iter()
            .map(|&index| {
                (
                    index,
                    batch.ask(&Request::Readlink {
                        path: &group[index].0.bytes,
                    }),
                )
            })
            .collect();
        batch.send();
        for (index, reply) in replies {
            match reply.wait().await {
                Ok(Response::Names(names)) => {
                    if let Some(info) = &mut found[index] {
                        info.link_destination = names.first().map(|name| name.name.to_vec());
                    }
                }
                Ok(Response::Status(status)) if status.is_missing() => found[index] = None,
                Ok(_) => {}
                Err(lost) => {
                    retry
                        .lost(&lost, Operation::Info, &group[index].0.text())
                        .await?;
                    continue 'again;
                }
            }
        }
        return Ok(found);
    }
}
