//! What another host sends: headers of frames, its greeting, and whole connections.

use pgkeep_protocol::replay;

pub(super) fn frames(data: &[u8]) {
    replay::frames(data);
}

pub(super) fn greeting(data: &[u8]) {
    replay::greeting(data);
}

pub(super) fn conversation(data: &[u8]) {
    replay::conversation(data);
}
