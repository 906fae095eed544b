//! What a side brings to a connection: its name, what it can do, what it takes, and how patient it is.

use std::sync::Arc;
use std::time::Duration;

use crate::limits::Limits;
use crate::timer::{SystemTimer, Timer};

/// How often a side shows that it lives, and how long it waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A side that has sent nothing for so long sends a sign of life.
    pub alive_every: Duration,
    /// A side that has heard nothing for so long takes the other for dead.
    pub dead_after: Duration,
    /// The time for the greeting, in which the other side may have to log in and start.
    pub greeting_within: Duration,
    /// How long a side tries to tell why it ends the connection.
    pub linger: Duration,
    /// A client that waits so long in one session, without any progress, ends the connection, though the other side shows
    /// signs of life: what it works on hangs. `None`: it waits for ever.
    pub answer_within: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            alive_every: Duration::from_secs(3),
            dead_after: Duration::from_secs(15),
            greeting_within: Duration::from_secs(60),
            linger: Duration::from_secs(1),
            answer_within: None,
        }
    }
}

/// What a side brings to a connection.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name and version for messages: `pgkeep 0.1.0`. Nothing is decided by it.
    pub program: String,
    /// What this side can do beyond the protocol version. Both sides may use what both name.
    pub capabilities: Vec<String>,
    pub limits: Limits,
    pub pace: Pace,
    pub timer: Arc<dyn Timer>,
}

impl Settings {
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            capabilities: Vec::new(),
            limits: Limits::default(),
            pace: Pace::default(),
            timer: Arc::new(SystemTimer::default()),
        }
    }
}
