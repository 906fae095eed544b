//! What a server offers before anything is agreed on: its greeting line and its KEXINIT packet (RFC 4253, 4.2 and 7.1).
//!
//! Both come in clear at the start of every connection. [`Tap`] keeps those bytes while the SSH library reads them, so
//! that no further connection is needed to learn the offer. Bytes that are no KEXINIT give `None`, never a panic.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sftp::protocol::packet::PacketReader;

/// Longest start of a connection that is kept: a packet has at most 35,000 bytes.
const MOST: usize = 40_000;
const KEXINIT: u8 = 20;

/// Everything a server offers, each list in its own order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// `SSH-2.0-OpenSSH_9.2p1 Debian-2`
    pub greeting: String,
    pub key_exchange: Vec<String>,
    /// Signature algorithms of host keys.
    pub host_key: Vec<String>,
    /// Ciphers in either direction, without repetition.
    pub cipher: Vec<String>,
    /// MACs in either direction, without repetition.
    pub mac: Vec<String>,
    pub compression: Vec<String>,
}

impl Offer {
    /// Whether the server takes part in the strict key exchange that stops prefix truncation (CVE-2023-48795).
    #[must_use]
    pub fn strict_key_exchange(&self) -> bool {
        self.key_exchange
            .iter()
            .any(|name| name == "kex-strict-s-v00@openssh.com")
    }

    /// Reads the first bytes that a server sent.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        // Lines before the one that begins with SSH- are allowed.
        let greeting = loop {
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let line = String::from_utf8_lossy(&rest[..end]).trim_end().to_owned();
            rest = &rest[end + 1..];
            if line.starts_with("SSH-") {
                break line;
            }
        };
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let packet = rest.get(..length.checked_add(4)?)?;
        let padding = usize::from(*packet.get(4)?);
        let payload = packet.get(5..(4 + length).checked_sub(padding)?)?;
        if payload.first() != Some(&KEXINIT) {
            return None;
        }
        let mut reader = PacketReader(Bytes::copy_from_slice(payload.get(17..)?));
        let mut list = || -> Option<Vec<String>> {
            let text = reader.string().ok()?;
            let text = String::from_utf8_lossy(&text).into_owned();
            Some(
                text.split(',')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let (key_exchange, host_key) = (list()?, list()?);
        let mut both = || -> Option<Vec<String>> {
            let mut names = list()?;
            for name in list()? {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Some(names)
        };
        Some(Self {
            greeting,
            key_exchange,
            host_key,
            cipher: both()?,
            mac: both()?,
            compression: both()?,
        })
    }
}

/// The start of a connection, shared with the [`Tap`] that fills it.
#[derive(Debug, Clone, Default)]
pub(super) struct Start(Arc<Mutex<Vec<u8>>>);

impl Start {
    pub(super) fn offer(&self) -> Option<Offer> {
        Offer::parse(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream that keeps the first bytes it reads.
#[derive(Debug)]
pub(super) struct Tap<S> {
    inner: S,
    start: Start,
    full: bool,
}

impl<S> Tap<S> {
    pub(super) fn new(inner: S) -> (Self, Start) {
        let start = Start::default();
        let tap = Self {
            inner,
            start: start.clone(),
            full: false,
        };
        (tap, start)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if !self.full {
            let mut kept = self.start.0.lock().unwrap_or_else(PoisonError::into_inner);
            let new = &buf.filled()[before..];
            let room = MOST - kept.len();
            kept.extend_from_slice(&new[..new.len().min(room)]);
            let full = kept.len() == MOST;
            drop(kept);
            self.full = full;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start_of(lists: [&str; 10]) -> Vec<u8> {
        let mut payload = vec![KEXINIT];
        payload.extend([7; 16]);
        for list in lists {
            payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            payload.extend(list.as_bytes());
        }
        payload.extend([0; 5]);
        let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
        let mut bytes = b"hello\r\nSSH-2.0-Test_1 x\r\n".to_vec();
        bytes.extend(
            u32::try_from(payload.len() + padding + 1)
                .unwrap()
                .to_be_bytes(),
        );
        bytes.push(u8::try_from(padding).unwrap());
        bytes.extend(payload);
        bytes.extend(vec![0; padding]);
        bytes.extend(b"what follows");
        bytes
    }

    #[test]
    fn both_directions_are_joined_and_empty_lists_are_empty() {
        let offer = Offer::parse(&start_of([
            "a,kex-strict-s-v00@openssh.com",
            "ssh-ed25519",
            "c1,c2",
            "c2,c3",
            "m1",
            "m1",
            "none",
            "zlib",
            "",
            "",
        ]))
        .unwrap();
        assert_eq!(offer.greeting, "SSH-2.0-Test_1 x");
        assert_eq!(offer.cipher, ["c1", "c2", "c3"]);
        assert_eq!(offer.mac, ["m1"]);
        assert_eq!(offer.compression, ["none", "zlib"]);
        assert!(offer.strict_key_exchange());
    }

    #[test]
    fn a_cut_start_is_no_offer() {
        let whole = start_of(["a", "b", "c", "c", "d", "d", "e", "e", "", ""]);
        let whole = &whole[..whole.len() - b"what follows".len()];
        for length in 0..whole.len() {
            assert_eq!(Offer::parse(&whole[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_start_makes_us_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Offer::parse(&[b"SSH-2.0-x\n".to_vec(), bytes].concat());
        }
    }
}
