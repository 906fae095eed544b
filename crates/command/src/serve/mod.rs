//! `serve`: answers requests for the report, metrics and health, over HTTP.
//!
//! It reads and changes nothing itself: what it tells was read by a thread when it was due ([`cache`]), with the code of the
//! commands that tell the same. A thread of its own runs the server; nothing of that is seen outside of this folder.

mod answer;
mod cache;
mod connections;
mod figures;
mod health;
mod listen;
mod live_page;
mod refusals;
mod rules;
mod service;
mod settings;
mod state;
mod token;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;
use crate::server::{Reload, notify};
use service::Service;
use settings::Settings;
use state::State;

/// SIGTERM.
const TERM: i32 = 15;

/// Answers until it is told to end, on the sockets that it was given, or else on those of its options.
///
/// # Errors
/// What is configured cannot be used, or is not enough for where it listens; the port is taken.
pub fn run(context: &Context, given: Vec<TcpListener>, reload: &dyn Reload) -> Result<()> {
    let settings = Settings::from(context)?;
    let listeners = match given.is_empty() {
        true => listen::listen(&settings)?,
        false => given,
    };
    let addresses = addresses(&listeners)?;
    listen::check_reach(&addresses, &settings)?;
    let state = State::load(context, &settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| kernel(&error))?;
    let (stop, stopped) = watch::channel(false);
    let _stop = context.cancel.on_cancel(move || {
        stop.send_replace(true);
    });
    let again = Arc::new(Notify::new());
    let hung_up = Arc::clone(&again);
    reload.hangup().on_hangup(move || hung_up.notify_one());
    let scheme = if state.tls.is_some() { "https" } else { "http" };
    let service = Arc::new(Service::new(context, &settings, state));
    runtime.block_on(async {
        let listeners = listeners.into_iter().map(|listener| {
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        });
        let listeners = listeners
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(|error| kernel(&error))?;
        for address in &addresses {
            log::info!("listening on {scheme}://{address}");
        }
        notify::tell(context, "READY=1");
        let mut serving =
            std::pin::pin!(connections::serve(listeners, Arc::clone(&service), stopped));
        loop {
            tokio::select! {
                () = &mut serving => return Ok::<(), Error>(()),
                () = again.notified() => read_again(&service, &addresses, reload),
            }
        }
    })?;
    notify::tell(context, "STOPPING=1");
    match context.cancel.signal() {
        Some(TERM) => Ok(()),
        _ => context.cancel.check(),
    }
}

/// Everything new, or an error in the log and nothing has changed. The addresses stay in any case.
fn read_again(service: &Service, addresses: &[SocketAddr], reload: &dyn Reload) {
    detail!("configuration reload begin");
    let read = reload.load().and_then(|(context, _)| {
        let settings = Settings::from(&context)?;
        listen::check_reach(addresses, &settings)?;
        let state = State::load(&context, &settings)?;
        Ok((context, settings, state))
    });
    match read {
        Ok((context, settings, state)) => {
            reload.put_in_force(&context);
            service.reload(&context, &settings, state);
            detail!("configuration reload end");
        }
        Err(error) => {
            let kept = "the configuration was not reloaded, what was read before stays in force";
            crate::log_error(&error.with_prefix(&format!("{kept}: ")));
        }
    }
}

fn addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    let addresses: std::io::Result<_> = addresses.collect();
    addresses.map_err(|error| {
        Error::new(
            ErrorCode::FileOpen,
            format!("unable to use a socket that was handed over: {error}"),
        )
        .with_hint("the unit of the socket must have ListenStream with an address and a port.")
    })
}

fn kernel(error: &std::io::Error) -> Error {
    Error::new(ErrorCode::Kernel, format!("unable to serve: {error}"))
}
