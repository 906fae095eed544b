//! Logging in, and opening a channel on a connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use super::Pool;
use super::connection::Connection;
use crate::sftp::auth::Credentials;
use crate::sftp::engine::channel::{Channel, ChannelParts};
use crate::sftp::identity::verify::Verifier;
use crate::sftp::persist;
use crate::sftp::ssh::attempts::Attempts;
use crate::sftp::ssh::session;
use crate::{Error, ErrorKind, Operation, Result};

impl Pool {
    pub(super) async fn open_connection(self: &Arc<Self>) -> Result<Arc<Connection>> {
        let verifier = match self.verifier.get() {
            Some(verifier) => Arc::clone(verifier),
            None => {
                let new = Arc::new(Verifier::new(&self.settings)?);
                Arc::clone(self.verifier.get_or_init(|| new))
            }
        };
        if self.credentials.get().is_none() {
            // Decrypting a key takes a while by design: not on a thread that moves bytes.
            let settings = self.settings.clone();
            let loaded = tokio::task::spawn_blocking(move || Credentials::load(&settings))
                .await
                .map_err(|error| {
                    Error::new(
                        ErrorKind::Broken,
                        Operation::Connect,
                        self.settings.address(),
                        error.to_string(),
                    )
                })??;
            let _ = self.credentials.set(loaded);
        }
        let credentials = self.credentials.get().expect("set above");
        // Whoever asked tries again, as long as for all else.
        let session = session::open(
            &self.settings,
            &verifier,
            credentials,
            &mut Attempts::never(),
        )
        .await?;
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let measured = session.round_trip;
        let connection = Connection::of(session);
        self.add(&connection, measured);
        Ok(connection)
    }

    fn add(&self, connection: &Arc<Connection>, measured: Duration) {
        let mut state = self.lock();
        state.round_trip = Some(state.round_trip.map_or(measured, |old| old.min(measured)));
        state.connections.push(Arc::clone(connection));
    }

    /// The channel that another process lends, if one does. Asked for once: what is lost with it is made anew.
    pub(super) async fn borrow_channel(self: &Arc<Self>) -> Option<Arc<Channel>> {
        let socket = self.settings.persist_socket.as_ref()?;
        if self.asked_master.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (stream, greeting) = persist::connect(socket).await?;
        let server = greeting.capabilities().ok()?;
        log::debug!(
            "a persistent connection to {} is used",
            self.settings.address()
        );
        let connection = Connection::lent(greeting.server);
        let channel = Channel::lent(stream, server, self.parts(&connection));
        connection.channels().push(Arc::clone(&channel));
        self.add(&connection, greeting.round_trip);
        Some(channel)
    }

    pub(super) fn parts(&self, connection: &Arc<Connection>) -> ChannelParts {
        let eager = connection
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .server
            .contains("OpenSSH");
        let weak: Weak<Connection> = Arc::downgrade(connection);
        ChannelParts {
            counters: Arc::clone(&self.counters),
            connection: connection.id,
            reads: Arc::clone(&connection.reads),
            io_timeout: self.settings.io_timeout,
            eager,
            on_death: Box::new(move |all| {
                if let Some(connection) = weak.upgrade() {
                    if all {
                        connection.die();
                    } else {
                        connection.drop_dead_channels();
                    }
                }
            }),
        }
    }

    pub(super) async fn open_channel(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Channel>> {
        let broken = |kind: ErrorKind, reason: String| {
            Error::new(kind, Operation::Connect, self.settings.address(), reason)
        };
        let Some(handle) = &connection.handle else {
            let reason = "a connection that is lent has one channel";
            return Err(broken(ErrorKind::Busy, reason.into()));
        };
        let open = handle.channel_open_session();
        let ssh = match tokio::time::timeout(self.settings.io_timeout, open).await {
            Ok(Ok(ssh)) => ssh,
            Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
                connection.full.store(true, Ordering::Release);
                return Err(broken(
                    ErrorKind::Busy,
                    format!("the server refuses to open a channel ({why:?})"),
                ));
            }
            Ok(Err(error)) => {
                connection.die();
                return Err(broken(
                    ErrorKind::Connect,
                    connection.why(&error.to_string()),
                ));
            }
            Err(_) => {
                connection.die();
                return Err(
                    broken(ErrorKind::Connect, "timeout opening a channel".into()).with_hint(
                        format!("see where it stops: {}", self.settings.by_hand("-v")),
                    ),
                );
            }
        };
        match Channel::start(ssh, self.parts(connection)).await {
            Ok(channel) => {
                connection.channels().push(Arc::clone(&channel));
                self.grown.notify_waiters();
                Ok(channel)
            }
            Err(lost) => {
                let subsystem = lost.0.contains("SFTP");
                if connection.channels().is_empty() {
                    connection.die();
                }
                let error = broken(
                    if subsystem {
                        ErrorKind::Unsupported
                    } else {
                        ErrorKind::Connect
                    },
                    connection.why(&lost.0),
                );
                Err(if subsystem {
                    error
                        .with_hint(format!(
                            "try by hand: sftp -P {} {}@{}",
                            self.settings.port, self.settings.user, self.settings.host
                        ))
                        .with_hint("sshd_config needs a line 'Subsystem sftp internal-sftp'")
                } else {
                    error.with_hint(format!(
                        "see where it ends: {}",
                        self.settings.by_hand("-v")
                    ))
                })
            }
        }
    }
}
