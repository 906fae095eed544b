//! Who is told of the messages of a client that this process serves, for the suite `hosts`: exists only with the cargo feature
//! `faulty`.

use std::sync::OnceLock;

use pgkeep_protocol::{Streams, Watcher};

static WATCHER: OnceLock<Watcher> = OnceLock::new();

/// Sets who is told; a second one is ignored.
pub fn watch(watcher: Watcher) {
    let _ = WATCHER.set(watcher);
}

/// The streams, watched if anybody wants to be told.
pub(super) fn around(streams: Streams) -> Streams {
    match WATCHER.get() {
        Some(watcher) => streams.watched(watcher.clone()),
        None => streams,
    }
}
