//! A connection goes from the server to the process that serves it: the socket itself and all that process needs to know.
//!
//! It travels through a pair of local sockets of which the new process has one as its standard input. Keys are neither on a
//! command line nor in the environment.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::files_read::FilesRead;

/// The word that starts a process for a connection, in place of a command.
pub const SERVE: &str = "server:remote";

/// What such a process says to the server when it has let its client in.
pub(super) const ADMITTED: u8 = b'+';

/// More than certificates and configuration files come to.
const LONGEST: u64 = 256 * 1024 * 1024;

/// What a process that serves a connection is told. It holds keys, so `Debug` shows nothing.
#[derive(Serialize, Deserialize)]
pub struct HandOver {
    pub args: Vec<String>,
    pub files: FilesRead,
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) authorities: Vec<u8>,
}

impl std::fmt::Debug for HandOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandOver")
    }
}

impl HandOver {
    /// Sends it with the socket of the client.
    pub(super) fn send(&self, to: &mut UnixStream, client: &TcpStream) -> io::Result<()> {
        let body = serde_json::to_vec(self)?;
        let length = (body.len() as u64).to_be_bytes();
        let fds = [client.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let sent = sendmsg(
            &*to,
            &[IoSlice::new(&length)],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        to.write_all(&length[sent..])?;
        to.write_all(&body)
    }

    /// Receives it and the socket of the client.
    ///
    /// # Errors
    /// Whoever is at the other end is no server.
    pub fn receive(from: &mut UnixStream) -> io::Result<(Self, TcpStream)> {
        let mut length = [0; 8];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &*from,
            &mut [IoSliceMut::new(&mut length)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        let client: Option<OwnedFd> = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let client = client.ok_or_else(|| io::Error::other("there is no connection"))?;
        from.read_exact(&mut length[received.bytes..])?;
        let length = u64::from_be_bytes(length);
        if length > LONGEST {
            return Err(io::Error::other("it is too long"));
        }
        let mut body = Vec::new();
        from.take(length).read_to_end(&mut body)?;
        Ok((serde_json::from_slice(&body)?, TcpStream::from(client)))
    }
}
