//! Logging in, and opening a channel on a connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

use super::Pool;
use super::connection::Connection;
use crate::sftp::auth::Credentials;
use crate::sftp::engine::channel::{Channel, ChannelParts};
use crate::sftp::identity::verify::Verifier;
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
        let session = session::open(&self.settings, &verifier, credentials).await?;
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Connection::of(session);
        let mut state = self.lock();
        let measured = connection.session.round_trip;
        state.round_trip = Some(state.round_trip.map_or(measured, |old| old.min(measured)));
        state.connections.push(Arc::clone(&connection));
        Ok(connection)
    }

    pub(super) async fn open_channel(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Channel>> {
        let broken = |kind: ErrorKind, reason: String| {
            Error::new(kind, Operation::Connect, self.settings.address(), reason)
        };
        let open = connection.session.handle.channel_open_session();
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
        let known = Arc::clone(&connection.session.known);
        let eager = known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .server
            .contains("OpenSSH");
        let weak: Weak<Connection> = Arc::downgrade(connection);
        let parts = ChannelParts {
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
        };
        match Channel::start(ssh, parts).await {
            Ok(channel) => {
                connection.channels().push(Arc::clone(&channel));
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
