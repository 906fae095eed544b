//! Something that stands before a server of an object store, at a loopback port of its own.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::error::{During, Result};

/// Ends with all its connections when it is dropped.
#[derive(Debug)]
pub(super) struct OnLoopback {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl OnLoopback {
    /// Lets `accept` have a new port.
    pub(super) fn start<Accepts>(
        accept: impl FnOnce(TcpListener) -> Accepts + Send + 'static,
    ) -> Result<Self>
    where
        Accepts: Future<Output = ()> + Send + 'static,
    {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", 0)).during("open a loopback port")?;
        Self::start_at(listener, accept)
    }

    /// Lets `accept` have this port.
    pub(super) fn start_at<Accepts>(
        listener: std::net::TcpListener,
        accept: impl FnOnce(TcpListener) -> Accepts + Send + 'static,
    ) -> Result<Self>
    where
        Accepts: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .during("make a runtime")?;
        let address = listener.local_addr().during("read the port")?;
        listener
            .set_nonblocking(true)
            .during("set a loopback port up")?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener).during("use a loopback port")?
        };
        let (end, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            runtime.spawn(accept(listener));
            // Dropping the runtime closes the port and all connections.
            let _ = runtime.block_on(ended);
        });
        Ok(Self { address, _end: end })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}
