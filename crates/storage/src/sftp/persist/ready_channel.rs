//! A channel on which SFTP has begun, and what goes through it while it is lent out.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::client::{Handle, Msg};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::greeting::Greeting;
use crate::sftp::protocol::extension::Server;
use crate::sftp::protocol::message::{self, Request};
use crate::sftp::protocol::packet::{PacketReader, PacketStream};
use crate::sftp::ssh::session::Client;

/// Bytes that are handed on at once: a large request with its data.
const PIECE: usize = 256 << 10;

/// A channel for the command that comes next.
pub(super) struct ReadyChannel {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    greeting: Greeting,
}

impl ReadyChannel {
    /// Opens a channel and begins SFTP on it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn open(
        handle: Arc<Handle<Client>>,
        server: String,
        round_trip: Duration,
    ) -> Result<Self, String> {
        let lost = |error: russh::Error| error.to_string();
        let ssh = handle.channel_open_session().await.map_err(lost)?;
        let (mut read, write) = ssh.split();
        write.request_subsystem(true, "sftp").await.map_err(lost)?;
        // As the engine does: OpenSSH takes the question for limits behind INIT.
        let eager = server.contains("OpenSSH");
        let limits = Request::Limits.encode(0);
        write.data_bytes(message::init()).await.map_err(lost)?;
        if eager {
            write.data_bytes(limits.clone()).await.map_err(lost)?;
        }
        let mut packets = PacketStream::default();
        let version = packet(&mut read, &mut packets).await?;
        if version.first() != Some(&message::VERSION) {
            return Err("the server does not begin SFTP".into());
        }
        let version = version.slice(1..);
        let said = Server::from_version(&mut PacketReader(version.clone()))
            .map_err(|_| "the server's answer is not SFTP")?;
        if said.version < 3 {
            return Err("the server speaks an SFTP version below 3".into());
        }
        if said.limits && !eager {
            write.data_bytes(limits).await.map_err(lost)?;
        }
        let limits = if said.limits || eager {
            packet(&mut read, &mut packets).await?
        } else {
            Bytes::new()
        };
        let greeting = Greeting {
            server,
            round_trip,
            version,
            limits,
        };
        Ok(Self {
            read,
            write,
            greeting,
        })
    }

    /// Carries bytes to and fro until one side ends.
    pub(super) async fn lend(self, stream: UnixStream) {
        let Self {
            mut read,
            write,
            greeting,
        } = self;
        let (mut from, mut to) = stream.into_split();
        if to.write_all(&greeting.encode()).await.is_ok() {
            let up = async {
                let mut buffer = BytesMut::new();
                loop {
                    buffer.reserve(PIECE);
                    match from.read_buf(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    }
                    if write.data_bytes(buffer.split().freeze()).await.is_err() {
                        break;
                    }
                }
            };
            let down = async {
                while let Some(data) = heard(&mut read).await {
                    if to.write_all(&data).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! {
                () = up => {}
                () = down => {}
            }
        }
        // The server closes what the command left open.
        let _ = write.close().await;
    }
}

/// The next packet of the server, without its length.
async fn packet(read: &mut ChannelReadHalf, packets: &mut PacketStream) -> Result<Bytes, String> {
    loop {
        match packets.next() {
            Ok(Some(packet)) => return Ok(packet),
            Ok(None) => {}
            Err(_) => return Err("the server's answer is not SFTP".into()),
        }
        match heard(read).await {
            Some(data) => packets.push(&data),
            None => return Err("the server does not begin SFTP".into()),
        }
    }
}

/// The next data of a channel; `None`: it has ended.
async fn heard(read: &mut ChannelReadHalf) -> Option<Bytes> {
    loop {
        match read.wait().await? {
            ChannelMsg::Data { data } => return Some(data),
            ChannelMsg::Failure | ChannelMsg::Eof | ChannelMsg::Close => return None,
            _ => {}
        }
    }
}
