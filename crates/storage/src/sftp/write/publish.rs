//! Gives a finished temporary file its name.
//!
//! Only files whose every byte is acknowledged and synced get here: a server whose disk is full refuses the write
//! and still answers OK to a rename. The rename is followed by a sync on the handle that is still open, as SFTP
//! cannot sync a directory. After a lost connection the outcome is looked up before anything is repeated.

use std::sync::Arc;

use super::fail::Fail;
use super::upload::Upload;
use crate::sftp::engine::channel::Channel;
use crate::sftp::engine::pool::unexpected;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::sftp::protocol::status::Status;
use crate::{Error, ErrorKind, Operation};

impl Upload {
    /// RENAME, FSYNC and CLOSE in one step. An open handle is closed afterwards.
    pub(super) async fn publish(
        &mut self,
        channel: &Arc<Channel>,
        handle: Option<&[u8]>,
    ) -> Result<(), Fail> {
        if self.only_adds {
            return self.link(channel, handle).await;
        }
        let server = channel.server();
        let (from, to) = (&self.name[..], &self.place.bytes[..]);
        let mut batch = channel.batch();
        let rename = if server.posix_rename {
            batch.ask(&Request::PosixRename { from, to })
        } else {
            batch.ask(&Request::Rename { from, to })
        };
        let after = handle.map(|handle| {
            (
                batch.ask(&Request::Fsync { handle }),
                batch.ask(&Request::Close { handle }),
            )
        });
        batch.send();
        let mut renamed = rename.wait().await?;
        let (synced, closed) = match after {
            Some((sync, close)) => (sync.wait().await?, close.wait().await?),
            None => (Response::Ok, Response::Ok),
        };
        if let Response::Status(Status {
            code: Status::FAILURE | Status::UNSUPPORTED | 11,
            ..
        }) = &renamed
            && !server.posix_rename
            && let Response::Attributes(_) =
                channel.ask(&Request::Lstat { path: to }).wait().await?
        {
            // Version 3 does not replace. Both requests in one step: the name is missing for microseconds, not for a
            // round trip.
            let mut batch = channel.batch();
            batch.tell(&Request::Remove { path: to });
            let again = batch.ask(&Request::Rename { from, to });
            batch.send();
            renamed = again.wait().await?;
        }
        for (operation, response) in [(Operation::Rename, renamed), (Operation::Sync, synced)] {
            if response != Response::Ok {
                return Err(unexpected(operation, &self.object, &response).into());
            }
        }
        if closed != Response::Ok {
            // The server has just said that all of it is on its disks, under its name: to call that a failure would be
            // wrong, and could not be taken back. Where a server cannot sync, its file is closed before it is renamed.
            let error = unexpected(Operation::Close, &self.object, &closed);
            log::warn!("{error}; it was flushed and has its name, and counts as stored");
        }
        Ok(())
    }

    /// The connection was lost while the rename was under way: looks what became of it and completes it.
    pub(super) async fn settle_rename(&mut self) -> Result<(), Fail> {
        let channel = self.pool.channel().await?;
        if self.only_adds {
            // Its bytes are safe. Whether it has the name already is found out by giving it the name.
            return self.link(&channel, None).await;
        }
        let mut batch = channel.batch();
        let temporary = batch.ask(&Request::Lstat { path: &self.name });
        let published = batch.ask(&Request::Lstat {
            path: &self.place.bytes,
        });
        batch.send();
        let whole = |response: &Response| matches!(response, Response::Attributes(found) if found.size.is_none_or(|size| size == self.total));
        let (temporary, published) = (temporary.wait().await?, published.wait().await?);
        let again = whole(&temporary);
        if !again && !whole(&published) {
            let reason =
                "the connection was lost while it was renamed, and neither name has it now";
            return Err(
                Error::new(ErrorKind::Broken, Operation::Rename, &self.object, reason).into(),
            );
        }
        let path: &[u8] = if again { &self.name } else { &self.place.bytes };
        log::debug!(
            "'{}': the rename had{} happened",
            self.object,
            if again { " not" } else { "" }
        );
        let sync = self.options.sync && channel.server().fsync;
        if !sync {
            return if again {
                self.publish(&channel, None).await
            } else {
                Ok(())
            };
        }
        // To sync a file it need not be open to write, which nobody may a closed one.
        let flags = match self.closed {
            true => open::READ,
            false => open::WRITE,
        };
        let request = Request::Open {
            path,
            flags,
            attributes: Attributes::default(),
        };
        let handle = match channel.ask(&request).wait().await? {
            Response::Handle(handle) => handle,
            other => return Err(unexpected(Operation::OpenWrite, &self.object, &other).into()),
        };
        if again {
            return self.publish(&channel, Some(&handle)).await;
        }
        let mut batch = channel.batch();
        let synced = batch.ask(&Request::Fsync { handle: &handle });
        batch.tell(&Request::Close { handle: &handle });
        batch.send();
        match synced.wait().await? {
            Response::Ok => Ok(()),
            other => Err(unexpected(Operation::Sync, &self.object, &other).into()),
        }
    }
}
