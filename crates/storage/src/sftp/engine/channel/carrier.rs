//! What carries the bytes of an SFTP channel: an SSH channel of our own, or one that another process lends.

use bytes::{Bytes, BytesMut};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes read at once from a channel that is lent: an answer with its data.
const PIECE: usize = 256 << 10;

/// The way to the server.
pub(super) enum Out {
    Ssh(ChannelWriteHalf<Msg>),
    Lent(OwnedWriteHalf),
}

impl Out {
    pub(super) async fn data(&mut self, bytes: Bytes) -> Result<(), String> {
        match self {
            Self::Ssh(write) => write
                .data_bytes(bytes)
                .await
                .map_err(|error| error.to_string()),
            Self::Lent(write) => write
                .write_all(&bytes)
                .await
                .map_err(|error| error.to_string()),
        }
    }

    pub(super) async fn close(mut self) {
        match &mut self {
            Self::Ssh(write) => drop(write.close().await),
            Self::Lent(write) => drop(write.shutdown().await),
        }
    }
}

/// The way from the server.
pub(super) enum In {
    Ssh(ChannelReadHalf),
    Lent(OwnedReadHalf, BytesMut),
}

/// What came from the server.
pub(super) enum Heard {
    Data(Bytes),
    /// Something for people.
    Said(Bytes),
    Refused,
    /// The server's process has ended, the connection has not.
    Ended,
    Lost,
}

impl In {
    pub(super) async fn next(&mut self) -> Heard {
        let read = match self {
            Self::Ssh(read) => read,
            Self::Lent(read, buffer) => {
                buffer.reserve(PIECE);
                return match read.read_buf(buffer).await {
                    Ok(0) | Err(_) => Heard::Lost,
                    Ok(_) => Heard::Data(buffer.split().freeze()),
                };
            }
        };
        loop {
            return match read.wait().await {
                Some(ChannelMsg::Data { data }) => Heard::Data(data),
                Some(ChannelMsg::ExtendedData { data, .. }) => Heard::Said(data),
                Some(ChannelMsg::Failure) => Heard::Refused,
                Some(ChannelMsg::Eof | ChannelMsg::Close) => Heard::Ended,
                Some(_) => continue,
                None => Heard::Lost,
            };
        }
    }
}
