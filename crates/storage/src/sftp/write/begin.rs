//! Opens a file for an attempt, and removes what failed attempts left.
//!
//! A new attempt at a whole file takes a new temporary name, also where the first one was made in place: the process at
//! the server that served the lost connection may be alive, stalled by its disk, and do later what it was asked for. It then
//! makes or truncates no file but its own, and what it writes goes to a file that has lost its name. For the same reason a
//! file that is there already is not truncated but replaced. An attempt that goes on opens the file it had and proves what
//! is in it: late writes bring the same bytes to the same places.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::fail::Fail;
use super::stale;
use super::upload::{Stream, Upload};
use super::verify::{Expected, read_back};
use crate::sftp::engine::channel::Channel;
use crate::sftp::engine::pool::unexpected;
use crate::sftp::path::path_and;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::message::{Request, Response, open};
use crate::sftp::protocol::status::Status;
use crate::temporary::{self, temp_name};
use crate::{Error, ErrorKind, Operation};

impl Upload {
    pub(super) async fn open(&mut self, channel: &Arc<Channel>) -> Result<Bytes, Fail> {
        for _ in 0..temporary::TRIES {
            let resume = self.released > 0 && !self.closed;
            let mut flags = open::WRITE;
            if self.released > 0 {
                // What is not synced is read back over the same handle.
                flags |= open::READ;
            }
            if !resume {
                flags |= open::CREATE | open::EXCLUSIVE;
                if self.created && self.renames {
                    self.stale.push(std::mem::take(&mut self.name));
                }
                self.renames |= self.created;
                if self.renames {
                    self.name = temp_name(&self.place.bytes);
                } else if self.options.truncate {
                    // Means nothing, but to a server that does not know the other flag.
                    flags |= open::TRUNCATE;
                }
                self.created = true;
            }
            let attributes = if resume {
                Attributes::default()
            } else {
                Attributes::with_mode(self.options.file_mode)
            };
            let request = Request::Open {
                path: &self.name,
                flags,
                attributes,
            };
            let parent = self.place.parent();
            let making = self.options.create_path && !resume;
            // Most files of a new backup are the first of their directory, and a refused MKDIR costs nothing.
            let ahead = making && channel.any_order && !self.pool.made.has(&parent);
            let mut batch = channel.batch();
            if ahead {
                batch.tell(&Request::Mkdir {
                    path: &parent.bytes,
                    mode: self.options.path_mode,
                });
            }
            let reply = batch.ask(&request);
            batch.send();
            let mut response = reply.wait().await?;
            if let Response::Status(status) = &response
                && status.is_missing()
                && making
            {
                let (answer, denied) = path_and(
                    &self.pool,
                    channel,
                    &parent,
                    self.options.path_mode,
                    &request,
                )
                .await?;
                if let Some((path, status)) = denied {
                    self.created = false;
                    return Err(status.into_error(Operation::CreatePath, path).into());
                }
                response = answer;
            }
            match response {
                Response::Handle(handle) if handle.len() <= 256 => {
                    if making {
                        self.pool.made.add(&parent);
                    }
                    if self.released == 0 {
                        self.source.clone_from(&self.name);
                    }
                    return Ok(handle);
                }
                // Another file has that name: take another name. (OpenSSH says failure, others say it exists.)
                Response::Status(Status {
                    code: Status::FAILURE | 11,
                    ..
                }) if flags & open::EXCLUSIVE != 0 && self.renames => {
                    self.created = false;
                }
                // In place there is a file already (not every server has a word for that), so ours takes its place.
                Response::Status(ref status)
                    if !status.is_missing()
                        && flags & open::EXCLUSIVE != 0
                        && self.options.truncate
                        && !self.renames =>
                {
                    self.created = false;
                    self.renames = true;
                }
                Response::Status(status) => {
                    self.created = false;
                    let mut error = status.into_error(Operation::OpenWrite, &self.object);
                    if flags & open::EXCLUSIVE != 0 && error.kind == ErrorKind::Broken {
                        error.kind = ErrorKind::Exists;
                    }
                    return Err(error.into());
                }
                other => return Err(unexpected(Operation::OpenWrite, &self.object, &other).into()),
            }
        }
        Err(Error::new(
            ErrorKind::Exists,
            Operation::OpenWrite,
            &self.object,
            "no temporary name is free",
        )
        .into())
    }

    /// After a lost connection: what was given up must be there, and what was not synced must be what was sent.
    pub(super) async fn confirm_prefix(&mut self, stream: &Stream) -> Result<(), Fail> {
        let size = match stream
            .channel
            .ask(&Request::Fstat {
                handle: &stream.handle,
            })
            .wait()
            .await?
        {
            Response::Attributes(attributes) => attributes.size.unwrap_or(0),
            other => return Err(unexpected(Operation::Info, &self.object, &other).into()),
        };
        if size < self.released {
            let reason = format!(
                "the server has {size} of {} acknowledged bytes after the connection was lost",
                self.released
            );
            return Err(
                Error::new(ErrorKind::Broken, Operation::Write, &self.object, reason).into(),
            );
        }
        let pieces: Vec<Expected> = self.unsynced.iter().copied().collect();
        log::debug!(
            "'{}': going on at {}, after reading back {} pieces",
            self.object,
            self.released,
            pieces.len()
        );
        if !self.goes_on {
            return read_back(
                &stream.channel,
                &stream.handle,
                &self.object,
                &pieces,
                |_| (),
            )
            .await;
        }
        // Synced first: what is then found right is safe for good, so a connection that breaks again while reading back does
        // not have everything read once more.
        let handle = &stream.handle;
        match stream
            .channel
            .ask(&Request::Fsync { handle })
            .wait()
            .await?
        {
            Response::Ok => {}
            other => return Err(unexpected(Operation::Sync, &self.object, &other).into()),
        }
        let mut safe = 0;
        let read = read_back(&stream.channel, handle, &self.object, &pieces, |upto| {
            safe = upto;
        })
        .await;
        self.confirmed += pieces[..safe]
            .iter()
            .map(|piece| piece.length as u64)
            .sum::<u64>();
        self.unsynced.drain(..safe);
        if self.unsynced.is_empty() {
            self.since_sync = self.released;
        }
        read
    }

    /// Removes what earlier attempts, or this file's failure, left behind.
    pub(super) async fn clean(&mut self, stored: bool) {
        if self.renames && !stored && self.created {
            self.stale.push(self.name.clone());
        }
        if self.only_adds && !self.pool.may_remove.load(Ordering::Acquire) {
            return;
        }
        stale::remove(&self.pool, std::mem::take(&mut self.stale), &self.object).await;
    }
}
