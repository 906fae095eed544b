//! The body of a request, in slices, so that progress of a slow upload can be seen.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Taken by the connection at a time.
const SLICE: usize = 64 << 10;

/// Bytes that count themselves when the connection takes them.
#[derive(Debug)]
pub(super) struct CountedBody {
    left: Bytes,
    taken: Arc<AtomicU64>,
}

impl CountedBody {
    pub(super) fn new(body: Bytes, taken: Arc<AtomicU64>) -> Self {
        Self { left: body, taken }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.left.len().min(SLICE);
        let slice = self.left.split_to(length);
        self.taken.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
