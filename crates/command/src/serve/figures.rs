//! What `/metrics` and `/health` are made of: one reading of the repositories.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::Result;
use crate::hosts::links::Links;
use crate::hosts::storages::Storages;
use crate::metrics;
use crate::run::Context;
use crate::run::progress::NoProgress;
use crate::run::summary::Summary;
use crate::stanzas::StanzaReport;

/// The figures of all stanzas.
#[derive(Debug)]
pub(super) struct Figures {
    /// As the command `metrics` prints them.
    pub(super) metrics: String,
    /// When they were read, seconds since 1970.
    pub(super) read: i64,
    /// What `/health` says of each stanza.
    pub(super) stanzas: Arc<Value>,
}

impl Figures {
    pub(super) fn read(context: &Context) -> Result<Self> {
        once(context, |context| {
            let read = context.clock.seconds();
            let (metrics, stanzas) = metrics::text(context)?;
            Ok(Self {
                metrics,
                read,
                stanzas: Arc::new(of_stanzas(&stanzas)),
            })
        })
    }
}

/// Reads with connections of its own, closed at the end: one that is kept until the next time may be dead by then.
pub(super) fn once<T>(context: &Context, read: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
    let context = Context {
        storages: Storages::default(),
        links: Links::default(),
        locks: Arc::default(),
        progress: Arc::new(NoProgress),
        summary: Summary::default(),
        ..context.clone()
    };
    let read = read(&context);
    context.links.close();
    read
}

/// Status of each stanza, and of it in each repository.
fn of_stanzas(stanzas: &[StanzaReport]) -> Value {
    let of_stanza = |stanza: &StanzaReport| {
        let status = stanza.status(true);
        let repositories: Vec<Value> = stanza
            .repositories
            .iter()
            .map(|repository| {
                let (code, message) = (
                    repository.status.code(),
                    repository.status.repository_message(),
                );
                json!({"key": repository.key, "status": {"code": code, "message": message}})
            })
            .collect();
        json!({
            "name": stanza.name,
            "status": {"code": status.code(), "message": status.message()},
            "repo": repositories,
        })
    };
    stanzas.iter().map(of_stanza).collect()
}
