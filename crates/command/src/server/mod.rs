//! `server`: listens for clients on other hosts, over TLS.
//!
//! This process only accepts connections; each is served by a process of its own, which runs the same service as over SSH.
//! A reload replaces everything at once or, when something is wrong, nothing.

mod clients;
mod files_read;
mod hand_over;
mod listen;
pub(crate) mod notify;
mod processes;
mod settings;
mod state;
mod visit;
mod wake;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

pub use files_read::{FilesRead, Recorder, Replay};
pub use hand_over::{HandOver, SERVE};
pub use state::Origin;
pub use visit::visit;

use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;
use crate::run::hangup::Hangup;
use processes::Processes;
use state::State;
use wake::Wait;

/// SIGTERM.
const TERM: i32 = 15;

/// Where a server is reloaded from.
pub trait Reload {
    /// Reads the configuration anew.
    ///
    /// # Errors
    /// It cannot be used.
    fn load(&self) -> Result<(Context, Origin)>;

    /// Everything in it can be used: puts the rest of it in force, such as levels of the log.
    fn put_in_force(&self, context: &Context);

    /// Tells when that is wanted.
    fn hangup(&self) -> &Hangup;
}

/// Listens until it is told to end.
///
/// # Errors
/// What is configured cannot be used, or the port is taken.
pub fn run(context: &Context, origin: Origin, reload: &dyn Reload) -> Result<()> {
    let mut context = context.clone();
    let mut state = State::load(&context, origin)?;
    let mut listener = listen::listen(&state.settings)?;
    let wait = Wait::new().map_err(|error| kernel(&error))?;
    let (stop, again) = (wait.bell(), wait.bell());
    let _stop = context.cancel.on_cancel(move || stop.ring());
    reload.hangup().on_hangup(move || again.ring());
    let mut hand_over = Arc::new(hand_over(&state));
    let mut processes = Processes::new(wait.bell());
    log::info!("listening on {}", shown(&listener));
    notify::tell(&context, "READY=1");
    while context.cancel.signal().is_none() {
        if reload.hangup().take() {
            detail!("configuration reload begin");
            match reloaded(&state, &listener, reload) {
                Ok((new_context, new_state, new_listener)) => {
                    reload.put_in_force(&new_context);
                    (context, state) = (new_context, new_state);
                    listener = new_listener.unwrap_or(listener);
                    hand_over = Arc::new(self::hand_over(&state));
                    detail!("configuration reload end");
                }
                Err(error) => {
                    let kept =
                        "the configuration was not reloaded, what was read before stays in force";
                    crate::log_error(&error.with_prefix(&format!("{kept}: ")));
                }
            }
        }
        let full = processes.is_full();
        let port = full.is_none().then_some(&listener);
        let is_client = wait.wait(port, full).map_err(|error| kernel(&error))?;
        if !is_client {
            continue;
        }
        match listener.accept() {
            Ok((client, address)) => {
                processes.start(&context, client, address, Arc::clone(&hand_over));
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => {
                log::warn!("unable to accept a connection: {error}");
                // Too many open files, for example: they become fewer by themselves, or somebody has to look.
                let pause = Some(Duration::from_secs(1));
                wait.wait(None, pause).map_err(|error| kernel(&error))?;
            }
        }
    }
    notify::tell(&context, "STOPPING=1");
    drop(listener);
    processes.terminate();
    match context.cancel.signal() {
        Some(TERM) => Ok(()),
        _ => context.cancel.check(),
    }
}

type Reloaded = (Context, State, Option<TcpListener>);

/// Everything new, or an error and nothing has changed. A port that stays the same stays open.
fn reloaded(old: &State, listener: &TcpListener, reload: &dyn Reload) -> Result<Reloaded> {
    let (context, origin) = reload.load()?;
    let state = State::load(&context, origin)?;
    let place = |state: &State| (state.settings.address.clone(), state.settings.port);
    if place(&state) == place(old) {
        return Ok((context, state, None));
    }
    let new = listen::listen(&state.settings)?;
    log::info!(
        "listening on {} in place of {}",
        shown(&new),
        shown(listener)
    );
    Ok((context, state, Some(new)))
}

fn hand_over(state: &State) -> HandOver {
    let (certificate, key) = state.identity.parts();
    HandOver {
        args: state.origin.args.clone(),
        files: state.origin.files.clone(),
        certificate: certificate.to_vec(),
        key: key.to_vec(),
        authorities: state.authorities.clone(),
    }
}

fn shown(listener: &TcpListener) -> String {
    listener
        .local_addr()
        .map_or_else(|error| error.to_string(), |address| address.to_string())
}

fn kernel(error: &std::io::Error) -> Error {
    Error::new(ErrorCode::Kernel, format!("unable to wait: {error}"))
}
