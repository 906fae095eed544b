//! Gives a finished file its name by a hard link, for an account that may only add.
//!
//! A link never replaces a name. Where the name is taken the bytes decide: after a lost connection they are this file's own,
//! and another run may have stored the same. Equal bytes are what was wanted. Others are left as they are, and told.

use std::sync::Arc;

use super::fail::Fail;
use super::upload::Upload;
use super::verify::{Expected, read_back};
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
        let linking = batch.ask(&Request::HardLink { from, to });
        let after = handle.map(|handle| {
            (
                batch.ask(&Request::Fsync { handle }),
                batch.ask(&Request::Close { handle }),
            )
        });
        batch.send();
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
        // Bytes of a file that has its name are on the disks, its name need not be: whoever gave it may have died before that.
        // Different bytes may be the same when they are decrypted, so what is told of the name must hold in that case as well.
        let synced = batch.ask(&Request::Fsync { handle: &handle });
        batch.tell(&Request::Close { handle: &handle });
        batch.send();
        match synced.wait().await? {
            Response::Ok => same,
            _ if !channel.server().fsync => same,
            other => Err(unexpected(Operation::Sync, &self.object, &other).into()),
        }
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
                Ok(())
            }
            Err(Fail::Error(error)) if error.kind == ErrorKind::Broken => Err(differs()),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::sync::{mpsc, oneshot};

    use super::super::piece::{Failed, Piece};
    use super::*;
    use crate::sftp::engine::pool::lent;
    use crate::sftp::place::Place;
    use crate::sftp::protocol::packet::PacketReader;
    use crate::sftp::settings::SftpSettings;
    use crate::{StoragePath, WriteOptions};

    const OK: u32 = 0;
    const DENIED: u32 = 3;
    const FAILURE: u32 = 4;

    /// A server that answers links to their own name, and those to another one, with these codes. Where a name is taken the
    /// file that has it is of five bytes. Hands back what it was asked for.
    async fn serve(mut end: UnixStream, own: u32, other: u32) -> Vec<String> {
        let mut asked = Vec::new();
        while let Ok(length) = end.read_u32().await {
            let mut packet = vec![0; length as usize];
            end.read_exact(&mut packet).await.unwrap();
            let kind = packet[0];
            let mut from = PacketReader(Bytes::from(packet).slice(1..));
            let id = from.u32().unwrap();
            let mut string = || String::from_utf8(from.string().unwrap().to_vec()).unwrap();
            let (name, mut code) = (string(), OK);
            let mut answer = Vec::new();
            match (kind, name.as_str()) {
                (3, _) => {
                    let reading = from.u32().unwrap() & open::WRITE == 0;
                    let handle = if reading { b"r" } else { b"w" };
                    answer = [&[102][..], &id.to_be_bytes(), &[0, 0, 0, 1], handle].concat();
                    asked.push(format!("open {}", handle.escape_ascii()));
                }
                // Attributes: the size alone.
                (7 | 8, _) => {
                    let size = 5_u64.to_be_bytes();
                    answer = [&[105][..], &id.to_be_bytes(), &[0, 0, 0, 1], &size].concat();
                }
                (200, "hardlink@openssh.com") => {
                    let is_own = string() == string();
                    code = if is_own { own } else { other };
                    asked.push(if is_own { "own link" } else { "link" }.to_owned());
                }
                // Setting attributes and removing.
                (10 | 13, _) => code = DENIED,
                (200, "fsync@openssh.com") => asked.push(format!("fsync {}", string())),
                _ => {}
            }
            if answer.is_empty() {
                let code = code.to_be_bytes();
                answer = [&[101][..], &id.to_be_bytes(), &code, &[0; 8]].concat();
            }
            end.write_u32(u32::try_from(answer.len()).unwrap())
                .await
                .unwrap();
            end.write_all(&answer).await.unwrap();
        }
        asked
    }

    /// Stores an empty file there.
    async fn store(own: u32, other: u32) -> (crate::Result<()>, Vec<String>) {
        let mut settings = SftpSettings::new("host", "u", "/r");
        settings.append_only = true;
        let extensions = ["hardlink@openssh.com", "fsync@openssh.com"];
        let (pool, end) = lent::with_channel(settings, &extensions);
        let server = tokio::spawn(serve(end, own, other));
        let place = Place::new("/r".as_ref(), &StoragePath::from("file"));
        let (sender, pieces) = mpsc::unbounded_channel();
        assert!(sender.send(Piece::Last(None)).is_ok());
        let (opened, _) = oneshot::channel();
        let options = WriteOptions::default();
        let upload = Upload::new(Arc::clone(&pool), place, options, pieces, opened);
        let result = upload.run(&Failed::default()).await.map(drop);
        pool.close().await;
        drop(pool);
        (result, server.await.unwrap())
    }

    #[tokio::test]
    async fn no_link_is_sent_before_it_is_known_what_one_does() {
        let (result, asked) = store(OK, OK).await;
        assert_eq!(result.unwrap_err().kind, ErrorKind::Unsupported);
        assert!(asked.iter().any(|one| one == "own link"), "{asked:?}");
        assert!(!asked.iter().any(|one| one == "link"), "{asked:?}");
        let (result, asked) = store(FAILURE, OK).await;
        result.unwrap();
        let links: Vec<&str> = asked
            .iter()
            .map(String::as_str)
            .filter(|one| one.ends_with("link"))
            .collect();
        assert_eq!(links, ["own link", "link"]);
    }

    #[tokio::test]
    async fn what_has_the_name_is_synced_before_it_is_told() {
        let (result, asked) = store(FAILURE, FAILURE).await;
        assert_eq!(result.unwrap_err().kind, ErrorKind::Exists);
        assert_eq!(asked[asked.len() - 2..], ["open r", "fsync r"]);
    }
}
