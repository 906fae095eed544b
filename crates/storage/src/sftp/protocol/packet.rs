//! The wire form: integers, strings, and packets cut out of a byte stream.
//!
//! Every read is bounds-checked; a packet that lies about its lengths is [`Malformed`], never a panic.

use bytes::{Buf, Bytes, BytesMut};

/// Longest packet that is accepted from a server (OpenSSH sends at most 256 KiB).
const MAX_PACKET: usize = 1 << 20;

/// The server sent bytes that are not SFTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Writes one packet: reserves the length, appends fields, sets the length at the end.
#[derive(Debug)]
pub(crate) struct PacketWriter(Vec<u8>);

impl PacketWriter {
    pub(crate) fn new(kind: u8) -> Self {
        let mut buffer = Vec::with_capacity(64);
        buffer.extend_from_slice(&[0, 0, 0, 0, kind]);
        Self(buffer)
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn string(&mut self, value: &[u8]) -> &mut Self {
        let length = u32::try_from(value.len()).expect("names and handles are shorter than 4 GiB");
        self.u32(length);
        self.0.extend_from_slice(value);
        self
    }

    /// Fields that are encoded already.
    pub(crate) fn raw(&mut self, fields: &[u8]) -> &mut Self {
        self.0.extend_from_slice(fields);
        self
    }

    pub(crate) fn finish(mut self) -> Bytes {
        let length = u32::try_from(self.0.len() - 4).expect("a request is shorter than 4 GiB");
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        Bytes::from(self.0)
    }
}

/// Reads fields from one packet.
#[derive(Debug)]
pub(crate) struct PacketReader(pub(crate) Bytes);

impl PacketReader {
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        if self.0.is_empty() {
            Err(Malformed)
        } else {
            Ok(self.0.get_u8())
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        if self.0.len() < 4 {
            Err(Malformed)
        } else {
            Ok(self.0.get_u32())
        }
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        if self.0.len() < 8 {
            Err(Malformed)
        } else {
            Ok(self.0.get_u64())
        }
    }

    pub(crate) fn string(&mut self) -> Result<Bytes, Malformed> {
        let length = self.u32()? as usize;
        if self.0.len() < length {
            Err(Malformed)
        } else {
            Ok(self.0.split_to(length))
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Collects the pieces of a channel's byte stream into packets.
#[derive(Debug, Default)]
pub(crate) struct PacketStream(BytesMut);

impl PacketStream {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if let Some(length) = self.length() {
            let missing = (length + 4).saturating_sub(self.0.len());
            if length <= MAX_PACKET && missing > piece.len() {
                // Once for the whole packet, not once for each piece of 32 KiB.
                self.0.reserve(missing);
            }
        }
        self.0.extend_from_slice(piece);
    }

    fn length(&self) -> Option<usize> {
        let head: [u8; 4] = self.0.get(..4)?.try_into().ok()?;
        Some(u32::from_be_bytes(head) as usize)
    }

    /// The next whole packet without its length, if it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Malformed> {
        let Some(length) = self.length() else {
            return Ok(None);
        };
        if length == 0 || length > MAX_PACKET {
            return Err(Malformed);
        }
        if self.0.len() < length + 4 {
            return Ok(None);
        }
        self.0.advance(4);
        Ok(Some(self.0.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_cut_wherever_the_pieces_end() {
        let mut writer = PacketWriter::new(7);
        writer.u32(1).string(b"\xff\x00name");
        let packet = writer.finish();
        let twice = [packet.as_ref(), packet.as_ref()].concat();
        for size in 1..twice.len() {
            let mut stream = PacketStream::default();
            let mut found = Vec::new();
            for piece in twice.chunks(size) {
                stream.push(piece);
                while let Some(next) = stream.next().unwrap() {
                    found.push(next);
                }
            }
            assert_eq!(found, [packet.slice(4..), packet.slice(4..)]);
        }
    }

    #[test]
    fn lengths_beyond_the_packet_are_malformed() {
        assert_eq!(
            PacketReader(Bytes::from_static(&[0, 0, 0, 9, 1])).string(),
            Err(Malformed)
        );
        let mut stream = PacketStream::default();
        stream.push(&[0x53, 0x53, 0x48, 0x2d]);
        assert_eq!(stream.next(), Err(Malformed));
    }
}
