//! What the two halves of a file that is written hand each other: its bytes, their end and the wish for a name, and an
//! error back.

use std::sync::{Arc, Mutex};

use crate::error::Error;
use crate::sftp::engine::chunk::Chunk;

/// Where the task leaves an error for the next `write`.
pub(super) type Failed = Arc<Mutex<Option<Error>>>;

/// One message of the caller's half.
pub(super) enum Piece {
    Data(Chunk),
    /// The bytes end, perhaps with these; the name has to wait.
    Staged(Option<Chunk>),
    /// The file ends, perhaps with these bytes.
    Last(Option<Chunk>),
}
