//! One piece of a file on its way to the server: data behind room for the header of its WRITE.
//!
//! The data is copied once, from the caller. Header and data go out as one buffer, so that a header never travels
//! as a small packet of its own. The bytes stay until the server has acknowledged them, to be sent again if need be.

use bytes::Bytes;

use crate::budget::Permit;
use crate::sftp::protocol::message::WRITE;

/// Room for length, type, number, handle (at most 256 bytes), offset and data length.
const HEADROOM: usize = 4 + 1 + 4 + 4 + 256 + 8 + 4;

/// A chunk being filled.
#[derive(Debug)]
pub(crate) struct Filling(Vec<u8>);

/// A chunk of a file: `length` bytes at `offset`.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) offset: u64,
    pub(crate) length: usize,
    buffer: Buffer,
    permit: Permit,
}

#[derive(Debug)]
enum Buffer {
    Fresh(Vec<u8>),
    Sent(Bytes),
}

impl Filling {
    pub(crate) fn new(expect: usize) -> Self {
        let mut buffer = Vec::with_capacity(HEADROOM + expect);
        buffer.resize(HEADROOM, 0);
        Self(buffer)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() - HEADROOM
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn into_chunk(self, offset: u64, permit: Permit) -> Chunk {
        Chunk {
            offset,
            length: self.len(),
            buffer: Buffer::Fresh(self.0),
            permit,
        }
    }
}

impl Chunk {
    pub(crate) fn data(&self) -> &[u8] {
        match &self.buffer {
            Buffer::Fresh(buffer) => &buffer[HEADROOM..],
            Buffer::Sent(bytes) => &bytes[HEADROOM..],
        }
    }

    /// From now on the bytes count for another budget.
    pub(crate) fn keep(&mut self, permit: Permit) {
        self.permit = permit;
    }

    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length as u64
    }

    /// The whole WRITE request. `handle` has at most 256 bytes (a longer one is refused when it arrives).
    pub(crate) fn frame(&mut self, id: u32, handle: &[u8]) -> Bytes {
        let mut buffer = match std::mem::replace(&mut self.buffer, Buffer::Sent(Bytes::new())) {
            Buffer::Fresh(buffer) => buffer,
            // Sent before, over a connection that was lost: its bytes may still be shared with that.
            Buffer::Sent(bytes) => bytes.to_vec(),
        };
        let start = HEADROOM - (4 + 1 + 4 + 4 + handle.len() + 8 + 4);
        let long = |value: usize| {
            u32::try_from(value)
                .expect("a chunk is shorter than 4 GiB")
                .to_be_bytes()
        };
        let packet = buffer.len() - start - 4;
        let mut at = start;
        let mut put = |bytes: &[u8]| {
            buffer[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&long(packet));
        put(&[WRITE]);
        put(&id.to_be_bytes());
        put(&long(handle.len()));
        put(handle);
        put(&self.offset.to_be_bytes());
        put(&long(self.length));
        let bytes = Bytes::from(buffer);
        self.buffer = Buffer::Sent(bytes.clone());
        bytes.slice(start..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn the_header_is_right_for_every_handle_and_when_sent_again() {
        let budget = Budget::new(100);
        let mut filling = Filling::new(5);
        filling.push(b"hello");
        let mut chunk = filling.into_chunk(0x1_0000_0002, budget.acquire(5));
        for handle in [&[0, 0, 0, 0x80][..], &[7; 256], b""] {
            let frame = chunk.frame(9, handle);
            let mut expect = vec![WRITE, 0, 0, 0, 9];
            expect.extend(u32::try_from(handle.len()).unwrap().to_be_bytes());
            expect.extend(handle);
            expect.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5]);
            expect.extend(b"hello");
            let mut whole = u32::try_from(expect.len()).unwrap().to_be_bytes().to_vec();
            whole.extend(expect);
            assert_eq!(frame, whole);
        }
        assert_eq!(chunk.data(), b"hello");
    }
}
