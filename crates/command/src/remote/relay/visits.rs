//! On the other host: each session is the conversation of a command, for which this program is started again.
//!
//! A process each, as with the SSH server: it reads the configuration anew, its number stands in the lock files, and it ends
//! with its client. Rights are given by its words, which are those of this process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use pgkeep_protocol::{Exchange, Raised, Service};

use crate::error::ErrorCode;

/// Conversations at the same time. Commands come one after the other, so this is only against a client that asks for more.
const MOST: usize = 8;

/// How this process was started.
#[derive(Debug, Clone)]
pub struct Again {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

/// Serves sessions by starting the program again.
#[derive(Debug)]
pub struct Visits {
    again: Again,
    under_way: AtomicUsize,
}

impl Visits {
    #[must_use]
    pub fn new(again: Again) -> Self {
        Self {
            again,
            under_way: AtomicUsize::new(0),
        }
    }

    fn visit(&self, exchange: Exchange) {
        let mut command = Command::new(&self.again.program);
        command
            .args(&self.again.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let text = format!(
                    "unable to execute '{}': {error}",
                    self.again.program.display()
                );
                return exchange.fail(Raised::new(ErrorCode::Execute.number(), text));
            }
        };
        if let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
            exchange.carry(stdout, stdin);
        }
        if let Err(error) = child.wait() {
            log::debug!("nobody waits for a conversation: {error}");
        }
    }
}

impl Service for Visits {
    fn serve(&self, exchange: Exchange) {
        if self.under_way.fetch_add(1, Ordering::SeqCst) < MOST {
            self.visit(exchange);
        } else {
            exchange.fail(Raised::new(ErrorCode::Access.number(), "too many at once"));
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}
