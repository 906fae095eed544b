//! The front itself: a port with TLS before a server that has none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::asked::{Asked, What};
use super::connection::serve;
use super::plan::{Count, Ledger, Plan};
use crate::error::{During, Result};
use crate::object_server::on_loopback::OnLoopback;
use crate::object_server::tls::acceptor;

/// An open front; it ends with all its connections when it is dropped.
#[derive(Debug)]
pub struct FaultyFront {
    port: OnLoopback,
    ledger: Arc<Ledger>,
}

impl FaultyFront {
    /// Opens a front at `at` (port 0: any) to a server without TLS.
    pub fn start(
        at: SocketAddr,
        to: SocketAddr,
        certificate: &Path,
        key: &Path,
        plan: Plan,
    ) -> Result<Self> {
        let acceptor = acceptor(certificate, key)?;
        let listener = std::net::TcpListener::bind(at).during("open a port")?;
        let ledger = Arc::new(Ledger::new(plan));
        let own = Arc::clone(&ledger);
        let accepts = move |listener| accept(listener, acceptor, to, own);
        let port = OnLoopback::start_at(listener, accepts)?;
        Ok(Self { port, ledger })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Other faults from now on; what was counted stays.
    pub fn plan(&self, plan: Plan) {
        self.ledger.replace(plan);
    }

    /// What was asked so far, requests with faults included.
    pub fn counts(&self) -> BTreeMap<What, Count> {
        self.ledger.counts()
    }

    /// Requests of one kind so far.
    pub fn requests(&self, what: What) -> u64 {
        self.counts().get(&what).map_or(0, |count| count.requests)
    }

    /// Requests of all kinds so far.
    pub fn all_requests(&self) -> u64 {
        self.counts().values().map(|count| count.requests).sum()
    }

    /// Requests that got a fault.
    pub fn struck(&self) -> Vec<Asked> {
        self.ledger.struck()
    }

    /// Counts begin anew.
    pub fn forget_counts(&self) {
        self.ledger.forget_counts();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr, ledger: Arc<Ledger>) {
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, ledger) = (acceptor.clone(), Arc::clone(&ledger));
        tokio::spawn(serve_one(client, acceptor, to, ledger));
    }
}

async fn serve_one(client: TcpStream, acceptor: TlsAcceptor, to: SocketAddr, ledger: Arc<Ledger>) {
    let _ = client.set_nodelay(true);
    // A client that gives up, or does not trust us, is no matter of ours.
    if let Ok(client) = acceptor.accept(client).await {
        let _ = serve(client, to, &ledger).await;
    }
}
