//! A pool for tests: its one connection has the channels that a test holds the other ends of.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use tokio::net::UnixStream;

use super::Pool;
use super::connection::Connection;
use crate::sftp::engine::channel::Channel;
use crate::sftp::protocol::extension::Server;
use crate::sftp::protocol::packet::PacketReader;
use crate::sftp::settings::SftpSettings;

pub(super) fn pool(settings: SftpSettings) -> (Arc<Pool>, Arc<Connection>) {
    let pool = Pool::new(settings);
    let connection = Connection::lent("OpenSSH".to_owned());
    pool.lock().connections.push(Arc::clone(&connection));
    (pool, connection)
}

/// A further channel, of a server with these extensions.
pub(super) fn add(
    pool: &Arc<Pool>,
    connection: &Arc<Connection>,
    extensions: &[&str],
) -> UnixStream {
    let (end, stream) = UnixStream::pair().expect("a pair of sockets");
    let mut version = BytesMut::new();
    version.put_u32(3);
    for extension in extensions.iter().flat_map(|name| [*name, "1"]) {
        version.put_u32(u32::try_from(extension.len()).expect("a short name"));
        version.put_slice(extension.as_bytes());
    }
    let server = Server::from_version(&mut PacketReader(version.freeze()));
    let server = server.expect("a version packet");
    let channel = Channel::lent(stream, server, pool.parts(connection));
    connection.channels().push(channel);
    end
}

/// One with a single channel.
pub(crate) fn with_channel(settings: SftpSettings, extensions: &[&str]) -> (Arc<Pool>, UnixStream) {
    let (pool, connection) = pool(settings);
    let end = add(&pool, &connection, extensions);
    (pool, end)
}
