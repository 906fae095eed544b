//! TLS in front of a server that has none: connections are decrypted and passed on.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::Authority;
use crate::error::{During, Result};

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Front {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl Front {
    pub(super) fn start(authority: &Authority, to: SocketAddr) -> Result<Self> {
        let (certificate, key) = authority.server();
        let certificate =
            CertificateDer::from_pem_file(certificate).during("read the certificate")?;
        let key = PrivateKeyDer::from_pem_file(key).during("read the key")?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .during("set TLS up")?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .during("use the certificate")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .during("make a runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .during("open a loopback port")?;
        let address = listener.local_addr().during("read the port")?;
        let (end, ended) = oneshot::channel::<()>();
        let acceptor = TlsAcceptor::from(Arc::new(config));
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
