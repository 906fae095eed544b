//! Requests that wait for their answer, and where each answer goes.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::sftp::protocol::message::Response;

/// The connection ended before the answer came; whether the request was carried out is unknown.
#[derive(Debug, Clone)]
pub(crate) struct Lost(pub(crate) Arc<str>);

/// Why a channel is lost whose process at the server has ended.
pub(crate) const PROCESS_ENDED: &str = "the SFTP server process ended";

pub(crate) type Answer = Result<Response, Lost>;

pub(super) enum Sink {
    One(oneshot::Sender<Answer>),
    Tagged(mpsc::UnboundedSender<(u64, Answer)>, u64),
    Nobody,
}

impl Sink {
    pub(super) fn answer(self, answer: Answer) {
        // Whoever asked may have lost interest.
        match self {
            Self::One(sender) => drop(sender.send(answer)),
            Self::Tagged(sender, tag) => drop(sender.send((tag, answer))),
            Self::Nobody => {}
        }
    }
}

/// The answer to come.
#[derive(Debug)]
pub(crate) struct Reply(pub(super) oneshot::Receiver<Answer>);

impl Reply {
    pub(crate) async fn wait(self) -> Answer {
        self.0
            .await
            .unwrap_or_else(|_| Err(Lost("the connection was closed".into())))
    }
}

/// A request that has no answer yet.
pub(super) struct Asked {
    pub(super) sink: Sink,
    /// Bytes of request and answer.
    pub(super) size: usize,
    /// Whoever asked goes on only with the answer. Not so for data and for what nobody waits for.
    pub(super) waits: bool,
    pub(super) asked: Instant,
}
