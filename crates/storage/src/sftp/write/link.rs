//! Gives a finished file its name by a hard link, for an account that may only add.
//!
//! A link never replaces a name. Where the name is taken the bytes decide: after a lost connection they are this file's own,
//! and another run may have stored the same. Equal bytes are what was wanted. Others are left as they are, and told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fail::Fail;
use super::upload::Upload;
use super::verify::{Expected, read_back};
use crate::sftp::add_only;
use crate::sftp::engine::channel::Channel;
use crate::sftp::engine::pool::unexpected;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::sftp::protocol::status::Status;
use crate::{Error, ErrorKind, Operation};

impl Upload {
    /// LINK, FSYNC and CLOSE in one step; the sync after the link is for its directory, as SFTP cannot sync one.
    pub(super) async fn link(
        &mut self,
        channel: &Arc<Channel>,
        handle: Option<&[u8]>,
    ) -> Result<(), Fail> {
        let (from, to) = (&self.name[..], &self.place.bytes[..]);
        let mut batch = channel.batch();
        // Asked once, before the first file gets its name: a server must refuse a name that is taken, and this one is.
        let refusing = (!self.pool.links_are_sure.load(Ordering::Acquire))
            .then(|| batch.ask(&Request::HardLink { from, to: from }));
        let linking = batch.ask(&Request::HardLink { from, to });
        let after = handle.map(|handle| {
            (
                batch.ask(&Request::Fsync { handle }),
                batch.ask(&Request::Close { handle }),
            )
        });
        batch.send();
        if let Some(refused) = refusing {
            add_only::judge_link(&self.object, &refused.wait().await?)?;
            self.pool.links_are_sure.store(true, Ordering::Release);
        }
        let linked = linking.wait().await?;
        let synced = match after {
            Some((sync, close)) => {
                let synced = sync.wait().await?;
                // All of it is on the server's disks, under its name: an error of closing takes nothing back.
                close.wait().await?;
                synced
            }
            None => Response::Ok,
        };
        match linked {
            Response::Ok => {}
            // OpenSSH has no better code for a name that is taken.
            Response::Status(Status {
                code: Status::FAILURE | 11,
                ..
            }) if matches!(
                channel.ask(&Request::Lstat { path: to }).wait().await?,
                Response::Attributes(_)
            ) =>
            {
                return self.compare(channel).await;
            }
            other => {
                return Err(unexpected(Operation::HardLink, &self.object, &other).into());
            }
        }
        match synced {
            Response::Ok => Ok(()),
            other => Err(unexpected(Operation::Sync, &self.object, &other).into()),
        }
    }

    /// Whether the file that has the name already is the same, byte for byte.
    async fn compare(&self, channel: &Arc<Channel>) -> Result<(), Fail> {
        let request = Request::Open {
            path: &self.place.bytes,
            flags: open::READ,
            attributes: Attributes::default(),
        };
        let handle = match channel.ask(&request).wait().await? {
            Response::Handle(handle) => handle,
            other => return Err(unexpected(Operation::OpenRead, &self.object, &other).into()),
        };
        let same = self.compare_open(channel, &handle).await;
        let mut batch = channel.batch();
        batch.tell(&Request::Close { handle: &handle });
        batch.send();
        same
    }

    async fn compare_open(&self, channel: &Arc<Channel>, handle: &[u8]) -> Result<(), Fail> {
        let differs = || {
            let reason =
                "another file has this name, and an account that may only add replaces nothing";
            Fail::Error(Error::new(
                ErrorKind::Exists,
                Operation::HardLink,
                &self.object,
                reason,
            ))
        };
        match channel.ask(&Request::Fstat { handle }).wait().await? {
            Response::Attributes(found) if found.size == Some(self.total) => {}
            Response::Attributes(_) => return Err(differs()),
            other => return Err(unexpected(Operation::Info, &self.object, &other).into()),
        }
        let kept = self.chunks.iter();
        let all: Vec<Expected> = self
            .given_up
            .iter()
            .copied()
            .chain(kept.map(|(chunk, _)| Expected::of(chunk.offset, chunk.data())))
            .collect();
        match read_back(channel, handle, &self.object, &all, |_| ()).await {
            Ok(()) => {
                log::debug!("'{}' was there already, with the same bytes", self.object);
                // Whoever gave it its name may have died before it was durable.
                match channel.ask(&Request::Fsync { handle }).wait().await? {
                    Response::Ok => Ok(()),
                    _ if !channel.server().fsync => Ok(()),
                    other => Err(unexpected(Operation::Sync, &self.object, &other).into()),
                }
            }
            Err(Fail::Error(error)) if error.kind == ErrorKind::Broken => Err(differs()),
            Err(other) => Err(other),
        }
    }
}
