//! Makes connections and counts them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

/// What hyper's own connector does, counted.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    inner: HttpConnector,
    made: Arc<AtomicUsize>,
}

impl Counted {
    pub(super) fn new(inner: HttpConnector, made: Arc<AtomicUsize>) -> Self {
        Self { inner, made }
    }
}

impl Service<Uri> for Counted {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.inner.call(to);
        let made = Arc::clone(&self.made);
        Box::pin(async move {
            let connection = connecting.await?;
            made.fetch_add(1, Ordering::Relaxed);
            Ok(connection)
        })
    }
}
