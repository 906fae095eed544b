//! The two ends of TLS: a client that knows whom it wants, and a server that knows whom it lets in.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use super::certificate::Certificate;
use super::ciphers::Ciphers;
use super::files::{Identity, chain};
use super::handshake::{NoTls, shake_hands};
use super::names;
use super::streams::Secured;
use super::trust::Trust;
use super::verifier::{ClientVerifier, Refusal, Refused, ServerVerifier};
use crate::error::{Error, ErrorCode, Result};

/// Whom a client wants.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The name or address as the user wrote it; the certificate must be its.
    pub host: &'a str,
    /// How messages name it: `localhost:8432 (127.0.0.1)`.
    pub shown: &'a str,
    /// Authorities that are trusted; nothing: any server will do (which only `server-ping` wants).
    pub trust: Option<&'a [CertificateDer<'static>]>,
    /// What the client shows.
    pub identity: Option<&'a Identity>,
    pub ciphers: &'a Ciphers,
    /// Seconds since 1970.
    pub now: i64,
    pub within: Duration,
}

/// Makes TLS of a connection to a server.
///
/// # Errors
/// [`ErrorCode::Crypto`] for a server that is not trusted, which trying again does not change; [`ErrorCode::Service`] for
/// everything else.
pub fn connect(socket: TcpStream, wanted: &Wanted<'_>) -> Result<Secured> {
    try_connect(socket, wanted).map_err(|failed| failed.error)
}

/// Why there is no TLS with a server.
#[derive(Debug)]
pub struct NotSecured {
    pub error: Error,
    /// The connection ended before the handshake did: the server may be starting, ending or full, and another try may do.
    pub was_cut: bool,
}

impl From<Error> for NotSecured {
    fn from(error: Error) -> Self {
        Self {
            error,
            was_cut: false,
        }
    }
}

/// As [`connect`], for whoever may try again.
///
/// # Errors
/// Those of [`connect`].
pub fn try_connect(
    socket: TcpStream,
    wanted: &Wanted<'_>,
) -> std::result::Result<Secured, NotSecured> {
    let refusal = Refusal::default();
    let verifier = ServerVerifier {
        trust: wanted.trust.map(|trust| Trust::new(trust.to_vec())),
        host: wanted.host.to_owned(),
        now: wanted.now,
        refusal: Arc::clone(&refusal),
    };
    let builder = ClientConfig::builder_with_provider(wanted.ciphers.provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match wanted.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = identity
                .certified_key()
                .map_err(|why| unusable(&rustls::Error::General(why)))?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    config.resumption = rustls::client::Resumption::disabled();
    // What is no name by the rules (an underscore) can still be one in a certificate of a local authority.
    let name = ServerName::try_from(wanted.host.to_owned())
        .or_else(|_| ServerName::try_from("invalid.name"))
        .map_err(|error| unusable(&rustls::Error::General(error.to_string())))?;
    config.enable_sni = wanted.host.parse::<std::net::IpAddr>().is_err();
    let mut connection: Connection = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| unusable(&error))?
        .into();
    let shown = wanted.shown;
    match shake_hands(&mut connection, &socket, wanted.within) {
        Ok(()) => Ok(Secured::new(connection, socket)),
        Err(error) => Err(match refusal.get() {
            Some(Refused::Untrusted(why)) => Error::new(
                ErrorCode::Crypto,
                format!("unable to verify certificate presented by '{shown}': {why}"),
            )
            .into(),
            Some(Refused::Name) => Error::new(
                ErrorCode::Crypto,
                format!(
                    "unable to find hostname '{}' in certificate common name or subject alternative names",
                    wanted.host
                ),
            )
            .into(),
            None => NotSecured {
                was_cut: error.was_cut(),
                error: Error::new(ErrorCode::Service, format!("'{shown}': {error}")),
            },
        }),
    }
}

/// Who comes to a server, as far as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Shows no certificate.
    Nobody,
    /// Is known by these names.
    Named(Vec<String>),
}

/// How a server receives clients.
#[derive(Debug)]
pub struct Reception<'a> {
    pub identity: &'a Identity,
    /// Authorities (PEM) of clients.
    pub authorities: &'a [u8],
    pub ciphers: &'a Ciphers,
    pub now: i64,
    pub within: Duration,
}

/// Makes TLS of a connection from a client, and says who it is.
///
/// # Errors
/// [`ErrorCode::Crypto`] for a client whose certificate is not accepted, [`ErrorCode::Service`] for everything else.
pub fn accept(socket: TcpStream, reception: &Reception<'_>) -> Result<(Secured, Caller)> {
    let refusal = Refusal::default();
    let authorities =
        chain(reception.authorities).map_err(|why| unusable(&rustls::Error::General(why)))?;
    let trust = Trust::new(authorities);
    let verifier = ClientVerifier {
        subjects: trust.subjects(),
        trust,
        now: reception.now,
        refusal: Arc::clone(&refusal),
    };
    let key = (reception.identity.certified_key())
        .map_err(|why| unusable(&rustls::Error::General(why)))?;
    let mut config = ServerConfig::builder_with_provider(reception.ciphers.provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    // Nothing of one connection is taken over by another one.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.ignore_client_order = true;
    let mut connection: Connection = ServerConnection::new(Arc::new(config))
        .map_err(|error| unusable(&error))?
        .into();
    if let Err(error) = shake_hands(&mut connection, &socket, reception.within) {
        return Err(match (refusal.get(), error) {
            (Some(Refused::Untrusted(why)), _) => Error::new(
                ErrorCode::Crypto,
                format!("unable to verify its certificate: {why}"),
            ),
            (_, NoTls::Tls(rustls::Error::AlertReceived(alert))) => Error::new(
                ErrorCode::Service,
                format!("it does not accept this server: alert {alert:?}"),
            ),
            (_, error) => Error::new(ErrorCode::Service, error.to_string()),
        });
    }
    let caller = match connection.peer_certificates().and_then(<[_]>::first) {
        None => Caller::Nobody,
        Some(certificate) => Caller::Named(
            Certificate::read(certificate)
                .map(|read| names::of_client(&read))
                .unwrap_or_default(),
        ),
    };
    Ok((Secured::new(connection, socket), caller))
}

/// TLS cannot be set up on this side.
fn unusable(error: &rustls::Error) -> Error {
    Error::new(ErrorCode::Crypto, format!("unable to set TLS up: {error}"))
}
