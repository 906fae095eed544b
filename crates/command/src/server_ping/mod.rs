//! `server-ping`: whether a TLS server of this program listens somewhere. Nothing is verified and no certificate is shown.

use pgkeep_config::option;
use pgkeep_protocol::{Client, ErrorKind};

use crate::error::{Error, ErrorCode, Result};
use crate::remote::own_side;
use crate::remote::tls::{Wanted, connect, settings, socket};
use crate::remote::wire::greeting::{Answer, Greeting, PING, Side};
use crate::run::context::Context;

/// Connects, greets and leaves.
///
/// # Errors
/// [`ErrorCode::HostConnect`] if nobody answers in time, [`ErrorCode::Service`] for what is no TLS, [`ErrorCode::Protocol`] for
/// whoever is no server of this program, a pgBackRest too.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let host = match config.parameters() {
        [] => match config.string(option::TLS_SERVER_ADDRESS) {
            // Every address of this host is also this one.
            None | Some("*") => "localhost",
            Some(address) => address,
        },
        [host] => host,
        _ => {
            return Err(Error::new(
                ErrorCode::ParamInvalid,
                "extra parameters found",
            ));
        }
    };
    let within = settings::within(config);
    let check = || context.cancel.check();
    let keep_alive = settings::keep_alive(config);
    let port = settings::server_port(config);
    let (socket, shown) = socket::connect(host, port, within, &keep_alive, &check)?;
    let secured = connect(
        socket,
        &Wanted {
            host,
            shown: &shown,
            trust: None,
            identity: None,
            ciphers: &settings::ciphers(config),
            now: context.clock.seconds(),
            within,
        },
    )?;
    let ender = secured.ender();
    let _stop = context.cancel.on_cancel(move || ender.end());
    let mut own = own_side::settings();
    own.pace.greeting_within = within;
    let greeting = Greeting::new(Side::Repo, PING);
    let connected = Client::connect::<_, Answer>(secured.into_streams(), &own, &greeting);
    context.cancel.check()?;
    let (client, answer) = connected.map_err(|error| lower(&shown, &error))?;
    if answer != Answer::Pong {
        let program = &client.peer().program;
        return Err(Error::new(
            ErrorCode::Protocol,
            format!("'{shown}': {program} gave another answer than one to a ping"),
        ));
    }
    let program = client.peer().program.clone();
    log::info!("{program} answers at '{shown}'");
    context
        .summary
        .done(format!("{program} answers at {shown}"));
    // It has answered: how the farewell ends makes no difference.
    let _ = client.finish();
    Ok(())
}

fn lower(shown: &str, error: &pgkeep_protocol::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::Silent => ErrorCode::HostConnect,
        _ => ErrorCode::Protocol,
    };
    let lowered = Error::new(code, format!("'{shown}': {error}"));
    match error.kind() {
        // The protocol speaks of commands, which there are none of here.
        ErrorKind::Greeting => lowered.with_hint(
            "is another program's server on this port? pgBackRest and pgkeep cannot serve each other's clients.",
        ),
        _ => (error.hints().iter()).fold(lowered, |error, hint| error.with_hint(hint)),
    }
}
