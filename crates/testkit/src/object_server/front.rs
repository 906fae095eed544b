//! TLS in front of a server that has none: connections are decrypted and passed on.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::on_loopback::OnLoopback;
use super::tls::acceptor;
use crate::error::Result;

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Front(OnLoopback);

impl Front {
    /// Shows this certificate, which the key belongs to.
    pub(super) fn start((certificate, key): (PathBuf, PathBuf), to: SocketAddr) -> Result<Self> {
        let acceptor = acceptor(&certificate, &key)?;
        OnLoopback::start(move |listener| accept(listener, acceptor, to)).map(Self)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    while let Ok((client, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that gives up, or does not trust us, is no matter of ours.
            let _ = client.set_nodelay(true);
            let Ok(mut client) = acceptor.accept(client).await else {
                return;
            };
            if let Ok(mut server) = TcpStream::connect(to).await {
                let _ = server.set_nodelay(true);
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
