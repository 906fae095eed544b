//! What a server says and allows beyond one login: its extensions and limits, and how many sessions a connection may have.

use std::time::Duration;

use russh::ChannelMsg;

use super::answer::{Answer, Refusal};
use super::connection::Connection;
use crate::sftp::protocol::message;
use crate::sftp::protocol::packet::{PacketReader, PacketStream};

/// What an SFTP server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    pub version: u32,
    /// Name and version of each extension, in the server's order.
    pub extensions: Vec<(String, String)>,
}

/// Sizes that a server takes (`limits@openssh.com`); 0: it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub packet: u64,
    pub read: u64,
    pub write: u64,
    pub open_files: u64,
}

/// Starts SFTP on a channel of its own and reads the server's first packet.
pub(super) async fn greeting(connection: &Connection, limit: Duration) -> Answer<Greeting> {
    let broken = |reason: &str| Refusal {
        code: None,
        reason: reason.into(),
    };
    let asked = async {
        let mut channel = connection.handle.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        let mut stream = PacketStream::default();
        let mut found = None;
        loop {
            let Some(said) = channel.wait().await else {
                connection.end().await;
                break;
            };
            match said {
                ChannelMsg::Success => channel.data_bytes(message::init()).await?,
                ChannelMsg::Data { data } => {
                    stream.push(&data);
                    match stream.next() {
                        Ok(None) => {}
                        Ok(Some(packet)) => {
                            found = parse(PacketReader(packet));
                            break;
                        }
                        Err(_) => break,
                    }
                }
                ChannelMsg::Failure | ChannelMsg::Close => break,
                _ => {}
            }
        }
        let _ = channel.close().await;
        Ok::<_, russh::Error>(found)
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(Some(greeting))) => Ok(greeting),
        Ok(Ok(None)) => Err(match connection.ended() {
            Some(why) => broken(&format!("the connection ended before SFTP began: {why}")),
            None => broken("the server does not answer as an SFTP server"),
        }),
        Ok(Err(error)) => Err(broken(&error.to_string())),
        Err(_) => Err(broken("no answer in time")),
    }
}

fn parse(mut packet: PacketReader) -> Option<Greeting> {
    if packet.u8().ok()? != message::VERSION {
        return None;
    }
    let version = packet.u32().ok()?;
    let mut extensions = Vec::new();
    while !packet.is_empty() {
        let (name, value) = (packet.string().ok()?, packet.string().ok()?);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        extensions.push((text(&name), text(&value)));
    }
    Some(Greeting {
        version,
        extensions,
    })
}

/// Opens sessions on the connection until the server refuses, at most `most`; all are closed again.
pub(super) async fn sessions(connection: &Connection, most: usize, limit: Duration) -> usize {
    let mut open = Vec::new();
    while open.len() < most {
        match tokio::time::timeout(limit, connection.handle.channel_open_session()).await {
            Ok(Ok(channel)) => open.push(channel),
            _ => break,
        }
    }
    let count = open.len();
    for channel in open {
        let _ = channel.close().await;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn extensions_keep_their_order_and_a_cut_packet_is_none() {
        let packet = b"\x02\0\0\0\x03\0\0\0\x01b\0\0\0\x011\0\0\0\x01a\0\0\0\x012";
        let parsed = |length: usize| parse(PacketReader(Bytes::copy_from_slice(&packet[..length])));
        assert_eq!(
            parsed(packet.len()).unwrap().extensions,
            [("b".into(), "1".into()), ("a".into(), "2".into())]
        );
        assert_eq!(parsed(packet.len() - 1), None);
        assert_eq!(parse(PacketReader(Bytes::from_static(&[3]))), None);
    }
}
