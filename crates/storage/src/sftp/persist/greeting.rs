//! The first packet on the socket, from the master: what a command would have learnt by logging in.

use std::time::Duration;

use bytes::Bytes;

use crate::sftp::protocol::extension::Server;
use crate::sftp::protocol::message::Response;
use crate::sftp::protocol::packet::{Malformed, PacketReader, PacketWriter};

/// Type of the packet and version of its form: another release of the program may be at the other end.
const KIND: u8 = b'H';
const FORM: u32 = 1;

/// What the server said when the channel was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// `SSH-2.0-OpenSSH_9.2p1 …`
    pub(crate) server: String,
    /// Of the connection, when it was made.
    pub(crate) round_trip: Duration,
    /// The VERSION packet behind its type.
    pub(super) version: Bytes,
    /// The answer to the request for limits, if the server has them; else empty.
    pub(super) limits: Bytes,
}

impl Greeting {
    pub(super) fn encode(&self) -> Bytes {
        let mut packet = PacketWriter::new(KIND);
        packet
            .u32(FORM)
            .string(self.server.as_bytes())
            .u64(u64::try_from(self.round_trip.as_micros()).unwrap_or(u64::MAX))
            .string(&self.version)
            .string(&self.limits);
        packet.finish()
    }

    pub(super) fn decode(packet: Bytes) -> Result<Self, Malformed> {
        let mut packet = PacketReader(packet);
        if (packet.u8()?, packet.u32()?) != (KIND, FORM) {
            return Err(Malformed);
        }
        Ok(Self {
            server: String::from_utf8_lossy(&packet.string()?).into_owned(),
            round_trip: Duration::from_micros(packet.u64()?),
            version: packet.string()?,
            limits: packet.string()?,
        })
    }

    /// What the server can do.
    pub(crate) fn capabilities(&self) -> Result<Server, Malformed> {
        let mut server = Server::from_version(&mut PacketReader(self.version.clone()))?;
        if !self.limits.is_empty()
            && let (_, Response::Extended(data)) = Response::decode(self.limits.clone())?
        {
            server.apply_limits(&mut PacketReader(data))?;
        }
        Ok(server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_out_as_it_went_in_and_other_forms_are_refused() {
        let greeting = Greeting {
            server: "SSH-2.0-OpenSSH_9.2p1".into(),
            round_trip: Duration::from_micros(50_123),
            version: Bytes::from_static(&[0, 0, 0, 3]),
            limits: Bytes::new(),
        };
        let packet = greeting.encode().slice(4..);
        assert_eq!(Greeting::decode(packet.clone()), Ok(greeting.clone()));
        assert_eq!(greeting.capabilities().map(|server| server.version), Ok(3));
        for end in 0..packet.len() {
            assert_eq!(Greeting::decode(packet.slice(..end)), Err(Malformed));
        }
        let mut other = packet.to_vec();
        other[4] = 2;
        assert_eq!(Greeting::decode(other.into()), Err(Malformed));
    }
}
