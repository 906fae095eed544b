//! Looks at a server from outside: what it offers, what it would let this account do, how it behaves.
//!
//! Facts only; what is good or bad is said by the commands above. One connection carries many channels, so that a
//! server that counts connections of one source sees few. Nothing here is retried.

mod answer;
mod capacity;
mod connection;
mod files;
mod finished;
mod forward;
mod kexinit;
mod own_side;
mod session;

use std::time::Duration;

use tokio::runtime::Handle;

pub use crate::Space;
pub use answer::{Answer, Refusal, Seen};
pub use capacity::{Greeting, Limits};
pub use connection::{Agreed, Handshake, HostKey};
pub use files::{Creation, Files};
pub use finished::{Change, Changes, Links, changes, links};
pub use forward::{Forwarding, Target};
pub use kexinit::Offer;
pub use own_side::{OwnKey, fingerprints_are_strong};
pub use session::{Extras, Program, Started};

use super::settings::SftpSettings;
use crate::Result;
use connection::{Ask, Connection};

/// Longest wait for the answer to one request for which a server has nothing to do.
const LIMIT: Duration = Duration::from_secs(10);

/// One logged-in connection for looking at a server. Its calls may be made from several threads.
pub struct Examiner {
    connection: Connection,
    settings: SftpSettings,
    runtime: Handle,
    limit: Duration,
}

impl std::fmt::Debug for Examiner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Examiner({}@{})",
            self.settings.user,
            self.settings.address()
        )
    }
}

impl Examiner {
    /// Connects, asks for the methods of login, and logs in with the key.
    ///
    /// # Errors
    /// Whatever hinders a login, with the hints of the storage.
    pub fn open(settings: &SftpSettings) -> Result<Self> {
        Self::with(
            settings,
            Ask {
                methods: true,
                ..Ask::default()
            },
        )
    }

    /// The same without asking for the methods, and on which nothing is sent unasked.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_quiet(settings: &SftpSettings) -> Result<Self> {
        Self::with(
            settings,
            Ask {
                keepalive_off: true,
                ..Ask::default()
            },
        )
    }

    fn with(settings: &SftpSettings, ask: Ask) -> Result<Self> {
        let runtime = super::runtime()?;
        let connection = runtime.block_on(Connection::open(settings, ask))?;
        Ok(Self {
            connection,
            settings: settings.clone(),
            runtime,
            limit: settings.io_timeout.min(LIMIT),
        })
    }

    /// What was learnt on the way in. Complete after any other call.
    #[must_use]
    pub fn handshake(&self) -> Handshake {
        self.connection.handshake()
    }

    /// Asks for a program.
    #[must_use]
    pub fn start(&self, program: Program<'_>) -> Started {
        self.runtime
            .block_on(session::start(&self.connection, program, self.limit))
    }

    /// Asks for a terminal and an X11 display.
    #[must_use]
    pub fn extras(&self) -> Extras {
        self.runtime
            .block_on(session::extras(&self.connection, self.limit))
    }

    /// Asks for the agent to be forwarded; `None`: no answer. The server may make a socket for it.
    #[must_use]
    pub fn agent(&self) -> Option<bool> {
        self.runtime
            .block_on(session::agent(&self.connection, self.limit))
    }

    /// Asks for a connection from the server to somewhere.
    #[must_use]
    pub fn direct_tcp(&self, target: Target) -> Forwarding {
        self.runtime
            .block_on(forward::direct_tcp(&self.connection, target, self.limit))
    }

    /// Asks the server to listen on a port of its loopback.
    #[must_use]
    pub fn remote_tcp(&self) -> Forwarding {
        self.runtime
            .block_on(forward::remote_tcp(&self.connection, self.limit))
    }

    /// Asks for stream-local forwarding: to connect, and to listen.
    #[must_use]
    pub fn stream_local(&self) -> (Forwarding, Forwarding) {
        self.runtime
            .block_on(forward::stream_local(&self.connection, self.limit))
    }

    /// What the server's SFTP says of itself.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn greeting(&self) -> Answer<Greeting> {
        self.runtime
            .block_on(capacity::greeting(&self.connection, self.limit))
    }

    /// Whether the connection is no more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.connection.ended().is_some()
    }

    /// How many more sessions this connection may have, at most `most`.
    #[must_use]
    pub fn sessions(&self, most: usize) -> usize {
        self.runtime
            .block_on(capacity::sessions(&self.connection, most, self.limit))
    }

    /// Waits until the server ends the connection, and says what it gave as the reason; `None`: it did not.
    #[must_use]
    pub fn wait_until_dropped(&self, limit: Duration) -> Option<String> {
        // The library has no event for it that can be awaited from outside.
        const POLL: Duration = Duration::from_millis(50);
        self.runtime.block_on(async {
            let end = tokio::time::Instant::now() + limit;
            loop {
                if let Some(why) = self.connection.ended() {
                    return Some(why);
                }
                if tokio::time::Instant::now() >= end {
                    return None;
                }
                tokio::time::sleep(POLL).await;
            }
        })
    }

    /// Opens an SFTP channel.
    ///
    /// # Errors
    /// Why there is none.
    pub fn files(&self) -> Answer<Files> {
        let broken = |reason: String| Refusal { code: None, reason };
        self.runtime.block_on(async {
            let open = self.connection.handle.channel_open_session();
            let channel = match tokio::time::timeout(self.limit, open).await {
                Ok(Ok(channel)) => channel,
                Ok(Err(error)) => return Err(broken(error.to_string())),
                Err(_) => return Err(broken("no channel in time".into())),
            };
            Files::start(channel, self.runtime.clone(), self.settings.io_timeout).await
        })
    }

    /// Looks at the private key that is used; `None`: an agent holds it.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn own_key(&self) -> Result<Option<OwnKey>> {
        own_side::own_key(&self.settings)
    }
}

impl Drop for Examiner {
    fn drop(&mut self) {
        let bye = self
            .connection
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "");
        // The server notices the closed connection anyway.
        let _ = self
            .runtime
            .block_on(async { tokio::time::timeout(Duration::from_millis(500), bye).await });
    }
}
