//! Another host over TLS: a connection to its server, with the certificates of both sides.
//!
//! Files are read for each connection, so that certificates can be replaced while a long run goes on.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::{Program, option};

use super::for_side::for_side;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::dial::{Carrier, Dial, Dialed};
use crate::remote::tls::socket::{self, KeepAlive};
use crate::remote::tls::{
    Ciphers, Ender, Identity, Wanted, load_trust, secure_again, settings, try_connect,
};
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// How the server of one host is reached.
#[derive(Debug)]
pub(super) struct TlsDial {
    host: String,
    port: u16,
    certificate: PathBuf,
    key: PathBuf,
    authorities: (Option<PathBuf>, Option<PathBuf>),
    ciphers: Ciphers,
    within: Duration,
    keep_alive: KeepAlive,
    context: Context,
}

/// The way to the host of this cluster or repository.
pub(super) fn dial(context: &Context, side: Side, key: u32, host: &str) -> TlsDial {
    let config = &context.config;
    let path = |pg, repo| {
        let path = config.string_at(for_side(side, pg, repo), key);
        path.map(PathBuf::from)
    };
    let port = for_side(side, option::PG_HOST_PORT, option::REPO_HOST_PORT);
    let port = config.integer_at(port, key);
    TlsDial {
        host: host.to_owned(),
        port: port
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(8432),
        // Both are required with this type.
        certificate: path(option::PG_HOST_CERT_FILE, option::REPO_HOST_CERT_FILE)
            .unwrap_or_default(),
        key: path(option::PG_HOST_KEY_FILE, option::REPO_HOST_KEY_FILE).unwrap_or_default(),
        authorities: (
            path(option::PG_HOST_CA_FILE, option::REPO_HOST_CA_FILE),
            path(option::PG_HOST_CA_PATH, option::REPO_HOST_CA_PATH),
        ),
        ciphers: settings::ciphers(config),
        within: settings::within(config),
        keep_alive: settings::keep_alive(config),
        context: context.clone(),
    }
}

impl Dial for TlsDial {
    fn dial(&self) -> Result<Dialed> {
        let context = &self.context;
        let identity = Identity::load(&self.certificate, &self.key, &context.user)?;
        let (file, path) = &self.authorities;
        let trust = load_trust(file.as_deref(), path.as_deref())?;
        let check = || context.cancel.check();
        let mut name = String::new();
        let secured = secure_again(self.within, &check, &mut |left| {
            let (socket, shown) =
                socket::connect(&self.host, self.port, left, &self.keep_alive, &check)?;
            name.clone_from(&shown);
            // A run that is asked to stop does not wait for a handshake.
            let waiting = socket
                .try_clone()
                .map_err(|error| Error::new(ErrorCode::Service, format!("'{shown}': {error}")))?;
            let _stop = context.cancel.on_cancel(move || {
                let _ = waiting.shutdown(std::net::Shutdown::Both);
            });
            try_connect(
                socket,
                &Wanted {
                    host: &self.host,
                    shown: &shown,
                    trust: Some(&trust),
                    identity: Some(&identity),
                    ciphers: &self.ciphers,
                    now: context.clock.seconds(),
                    within: left,
                },
            )
        })?;
        let carrier = TlsCarrier {
            ender: secured.ender(),
            shown: name,
            certificate: self.certificate.clone(),
            advise: context.config.program() == Program::PgKeep,
        };
        Ok(Dialed {
            streams: secured.into_streams(),
            carrier: Box::new(carrier),
        })
    }
}

/// The connection, as far as it knows why it ended.
#[derive(Debug)]
struct TlsCarrier {
    ender: Ender,
    shown: String,
    certificate: PathBuf,
    advise: bool,
}

impl Carrier for TlsCarrier {
    fn fate(&self, _seen: &pgkeep_protocol::Error) -> Option<Error> {
        let failure = self.ender.failure()?;
        let text = format!("'{}': {}", self.shown, failure.text);
        let error = Error::new(ErrorCode::Service, text);
        // With TLS 1.3 a server says only after the handshake that it does not want the client.
        Some(match failure.refused_certificate && self.advise {
            true => error.with_hint(format!(
                "the server does not accept the certificate '{}'; its log says why.",
                self.certificate.display()
            )),
            false => error,
        })
    }

    fn kill(&self) {
        self.ender.end();
    }

    fn end(&self) {
        self.ender.end();
    }
}
