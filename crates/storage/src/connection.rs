//! What a storage behind a network needs of the run that uses it, apart from its files.

use std::fmt::Debug;
use std::time::Duration;

/// The connection of a storage that was opened; storages of this machine have none.
pub trait Connection: Debug + Send + Sync {
    /// Begins to connect and does not wait. Whoever asks first gets the connection, or the error of making it.
    fn connect_ahead(&self);

    /// Calling what this gives ends every wait for the server after `grace`, with
    /// [`crate::ErrorKind::Cancelled`]. Until then the run may end in good order. Nothing can be asked afterwards. It does not
    /// keep the storage open.
    fn stopper(&self, grace: Duration) -> Box<dyn Fn() + Send + Sync>;

    /// Connections made so far, lost ones included. One that another process lends is not counted.
    fn made(&self) -> usize;
}
