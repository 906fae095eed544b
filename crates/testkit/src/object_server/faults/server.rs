//! The connection to the server behind the front, on which what comes is acknowledged at once.
//!
//! s3s-fs waits for the acknowledgement of one piece of an answer before it sends the next small one, and the kernel would
//! delay that by 40 ms, now and then. No real service does, and every measuring would have it as noise.

use std::io::Result;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Read from a connection at a time.
pub(super) const BUFFER: usize = 128 << 10;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) answers: BufReader<Prompt>,
    pub(super) requests: OwnedWriteHalf,
}

impl Server {
    pub(super) async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (read, requests) = stream.into_split();
        Ok(Self {
            answers: BufReader::with_capacity(BUFFER, Prompt(read)),
            requests,
        })
    }
}

/// Acknowledges at once. The kernel forgets that it shall, so it is told again with every read.
#[derive(Debug)]
pub(super) struct Prompt(OwnedReadHalf);

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        rustix::net::sockopt::set_tcp_quickack(self.0.as_ref(), true)?;
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}
