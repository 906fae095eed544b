//! TLS in front of a server that has none: connections are decrypted and passed on.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::tls::acceptor;
use crate::error::{During, Result};

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Front {
    /// Shows this certificate, which the key belongs to.
    pub(super) fn start((certificate, key): (PathBuf, PathBuf), to: SocketAddr) -> Result<Self> {
        let acceptor = acceptor(&certificate, &key)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .during("make a runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .during("open a loopback port")?;
        let address = listener.local_addr().during("read the port")?;
        let (end, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            runtime.spawn(accept(listener, acceptor, to));
            // Dropping the runtime closes the port and all connections.
            let _ = runtime.block_on(ended);
        });
        Ok(Self { address, _end: end })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
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
