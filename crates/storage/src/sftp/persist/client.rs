//! Asking a master for a channel.

use std::path::Path;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::PATIENCE;
use super::greeting::Greeting;
use super::socket::is_same_user;
use crate::sftp::protocol::packet::PacketStream;

/// A channel of the process that listens there, if one does and all is well with it.
pub(in crate::sftp) async fn connect(socket: &Path) -> Option<(UnixStream, Greeting)> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    if !is_same_user(&stream).unwrap_or(false) {
        log::debug!("socket '{}' is another user's", socket.display());
        return None;
    }
    match tokio::time::timeout(PATIENCE, greeting(&mut stream)).await {
        Ok(Some(greeting)) => Some((stream, greeting)),
        _ => {
            log::debug!("no connection is lent at '{}'", socket.display());
            None
        }
    }
}

/// Reads the greeting and not a byte more.
async fn greeting(stream: &mut UnixStream) -> Option<Greeting> {
    let mut packets = PacketStream::default();
    loop {
        if let Some(packet) = packets.next().ok()? {
            return Greeting::decode(packet).ok();
        }
        let mut piece = BytesMut::with_capacity(4096);
        // Nothing follows before something is asked.
        if stream.read_buf(&mut piece).await.ok()? == 0 {
            return None;
        }
        packets.push(&piece);
    }
}
