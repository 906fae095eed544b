//! In the process of a connection: TLS, who the client is, what it may do, and then it is served like any other.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use super::hand_over::{ADMITTED, HandOver};
use super::settings::Settings;
use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::remote::rights;
use crate::remote::serve::{Entrance, Visit, serve};
use crate::remote::tls::{Caller, Identity, Reception, Secured, accept};
use crate::remote::wire::greeting::Greeting;
use crate::run::context::Context;

/// Longest text of a client that is logged.
const LONGEST: usize = 200;

/// Serves one client. What goes wrong with it is logged and does not end the server.
///
/// # Errors
/// The configuration, which was right when the server read it.
pub fn visit(
    context: &Context,
    hand_over: &HandOver,
    client: TcpStream,
    server: &UnixStream,
) -> Result<()> {
    let settings = Settings::from(&context.config)?;
    let Ok(address) = client.peer_addr() else {
        // It has left already.
        return Ok(());
    };
    let (secured, caller) = match secure(context, hand_over, &settings, client) {
        Ok(secured) => secured,
        // A certificate that is not accepted is somebody who wants to come in; anything else may be a port scan.
        Err(error) if error.code == ErrorCode::Crypto => {
            log::warn!("client at {address} refused: {}", error.message);
            return Ok(());
        }
        Err(error) => {
            log::info!("client at {address} refused: {}", error.message);
            return Ok(());
        }
    };
    let who = shown(&caller, address);
    // What the client wants, for the line that says how its visit ended.
    let wanted = Mutex::new(String::new());
    let admit = |greeting: &Greeting| {
        let wants = wish(greeting);
        *wanted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = wants.clone();
        match (settings.clients).admit(&caller, greeting.stanza.as_deref()) {
            Ok(rights) => {
                detail!("{who} comes for {wants}");
                let mut server = server;
                // If nobody listens any more the server has ended, and this process goes on as long as its client.
                let _ = server.write_all(&[ADMITTED]);
                Ok(rights.of(&who))
            }
            Err(why) => {
                log::warn!("{who} refused for {wants}: {why}");
                Err(rights::denied().with_hint(
                    "the log of the server on that host, all-server.log, says why. \
                     A run without --stanza needs '*' in its tls-server-auth.",
                ))
            }
        }
    };
    let entrance = Entrance {
        takes_options: false,
        admit: &admit,
        again: None,
    };
    let visit = serve(context, secured.into_streams(), &entrance);
    let wanted = wanted
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match visit {
        Ok(Visit::Over) => detail!("{who} has left"),
        // Who was not admitted has been told of already.
        Ok(Visit::Refused(error)) if error.code == ErrorCode::Access => {}
        Ok(Visit::Refused(error)) => {
            log::warn!("{who} refused for {wanted}: {}", error.named_text());
        }
        Ok(Visit::Lost(error)) => log::info!("{who} lost: {}", error.message),
        Err(error) => log::info!("{who} refused: {}", error.message),
    }
    Ok(())
}

fn secure(
    context: &Context,
    hand_over: &HandOver,
    settings: &Settings,
    client: TcpStream,
) -> Result<(Secured, Caller)> {
    let unusable = |error: std::io::Error| Error::new(ErrorCode::Service, error.to_string());
    client.set_nodelay(true).map_err(unusable)?;
    settings.keep_alive.apply(&client).map_err(unusable)?;
    let socket = client.try_clone().map_err(unusable)?;
    // A server that ends does not wait for a handshake.
    let _stop = context.cancel.on_cancel(move || {
        let _ = socket.shutdown(Shutdown::Both);
    });
    accept(
        client,
        &Reception {
            identity: &Identity::from_parts(hand_over.certificate.clone(), hand_over.key.clone()),
            authorities: &hand_over.authorities,
            ciphers: &settings.ciphers,
            now: context.clock.seconds(),
            within: settings.within,
        },
    )
}

/// `client 'pg1' at 127.0.0.1:4711`.
fn shown(caller: &Caller, address: SocketAddr) -> String {
    match caller {
        Caller::Nobody => format!("client at {address}"),
        Caller::Named(names) => format!("client '{}' at {address}", printable(&names.join(", "))),
    }
}

/// `archive-push of stanza 'demo'`.
fn wish(greeting: &Greeting) -> String {
    let command = printable(&greeting.command);
    match &greeting.stanza {
        Some(stanza) => format!("{command} of stanza '{}'", printable(stanza)),
        None => format!("{command} without a stanza"),
    }
}

/// What a client says, as it may stand in a log.
fn printable(text: &str) -> String {
    let escaped = text.chars().flat_map(char::escape_debug);
    escaped.take(LONGEST).collect()
}
