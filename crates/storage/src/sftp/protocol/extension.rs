//! The extensions of OpenSSH that we use, and what a server said it has.
//!
//! A server that lacks one gets the substitute that `durable` chooses; nothing is sent that was not announced.

use super::packet::{Malformed, PacketReader};

pub(crate) const FSYNC: &[u8] = b"fsync@openssh.com";
pub(crate) const POSIX_RENAME: &[u8] = b"posix-rename@openssh.com";
pub(crate) const HARD_LINK: &[u8] = b"hardlink@openssh.com";
pub(crate) const COPY_DATA: &[u8] = b"copy-data";
pub(crate) const LIMITS: &[u8] = b"limits@openssh.com";
pub(crate) const STATVFS: &[u8] = b"statvfs@openssh.com";

/// Largest piece of a file in one request (`sftp-server` of OpenSSH: 256 KiB less room for the header).
pub(crate) const MAX_DATA: usize = 255 * 1024;
/// What every server must take.
const MIN_DATA: usize = 32 * 1024;

/// What the server can do beyond version 3, and how large requests may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) version: u32,
    pub(crate) fsync: bool,
    pub(crate) posix_rename: bool,
    pub(crate) hard_link: bool,
    /// Copies from one open file to another without the bytes crossing the network.
    pub(crate) copy_data: bool,
    pub(crate) limits: bool,
    pub(crate) statvfs: bool,
    pub(crate) read_size: usize,
    pub(crate) write_size: usize,
}

impl Server {
    /// Reads a VERSION packet behind its type byte.
    pub(crate) fn from_version(from: &mut PacketReader) -> Result<Self, Malformed> {
        let mut server = Self {
            version: from.u32()?,
            fsync: false,
            posix_rename: false,
            hard_link: false,
            copy_data: false,
            limits: false,
            statvfs: false,
            read_size: MIN_DATA,
            write_size: MIN_DATA,
        };
        while !from.is_empty() {
            let name = from.string()?;
            let version = from.string()?;
            match (name.as_ref(), version.as_ref()) {
                (FSYNC, b"1") => server.fsync = true,
                (POSIX_RENAME, b"1") => server.posix_rename = true,
                (HARD_LINK, b"1") => server.hard_link = true,
                (COPY_DATA, b"1") => server.copy_data = true,
                (LIMITS, b"1") => server.limits = true,
                (STATVFS, b"2") => server.statvfs = true,
                _ => {}
            }
        }
        Ok(server)
    }

    /// Takes the answer to a limits request; 0 means that the server does not say.
    pub(crate) fn apply_limits(&mut self, answer: &mut PacketReader) -> Result<(), Malformed> {
        let packet = answer.u64()?;
        let read = answer.u64()?;
        let write = answer.u64()?;
        let bounded = |said: u64| {
            let fits = if packet == 0 {
                MAX_DATA as u64
            } else {
                packet.saturating_sub(1024)
            };
            let said = if said == 0 { MIN_DATA as u64 } else { said };
            usize::try_from(said.min(fits).min(MAX_DATA as u64))
                .map_or(MIN_DATA, |size| size.max(1024))
        };
        self.read_size = bounded(read);
        self.write_size = bounded(write);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, Bytes, BytesMut};

    fn limits(values: [u64; 4]) -> Server {
        let mut server =
            Server::from_version(&mut PacketReader(Bytes::from_static(&[0, 0, 0, 3]))).unwrap();
        let mut bytes = BytesMut::new();
        values.iter().for_each(|&value| bytes.put_u64(value));
        server
            .apply_limits(&mut PacketReader(bytes.freeze()))
            .unwrap();
        server
    }

    #[test]
    fn requests_are_as_large_as_the_server_allows_and_never_larger_than_ours() {
        assert_eq!(
            limits([262_144, 261_120, 261_120, 1000]).write_size,
            261_120
        );
        assert_eq!(limits([1 << 40, 1 << 40, 1 << 40, 0]).read_size, MAX_DATA);
        assert_eq!(limits([0, 0, 0, 0]).write_size, MIN_DATA);
        assert_eq!(
            limits([34_000, 65_536, 65_536, 0]).write_size,
            34_000 - 1024
        );
    }

    #[test]
    fn unknown_extensions_and_versions_are_not_used() {
        let mut bytes = BytesMut::new();
        bytes.put_u32(3);
        for (name, version) in [
            (FSYNC, &b"1"[..]),
            (POSIX_RENAME, b"2"),
            (b"x@example.org", b"1"),
        ] {
            bytes.put_u32(u32::try_from(name.len()).unwrap());
            bytes.put_slice(name);
            bytes.put_u32(1);
            bytes.put_slice(version);
        }
        let server = Server::from_version(&mut PacketReader(bytes.freeze())).unwrap();
        assert!(server.fsync && !server.posix_rename && !server.limits);
    }
}
