//! The other side of a link: takes a client in, opens what it asks for on this host, and answers it. The same for SSH and TLS.
//!
//! The order of the checks is a contract: rights, configuration, stop file, locks. Each failure is a refusal with its own code,
//! and nothing is opened for a client that is refused. Locks and what is open go when the connection does.

pub(crate) mod cluster;
mod configure;
mod failure;
#[cfg(feature = "faulty")]
pub mod fault;
mod opened;
mod raise;
pub(crate) mod storage;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use pgkeep_protocol::{Exchange, Service, Settings, Streams, accept};

use opened::Opened;
pub use raise::raise;

use crate::error::{Error, ErrorCode, Result};
use crate::locks;
use crate::locks::stop_file;
use crate::remote::own_side;
use crate::remote::relay::{Again, Visits};
use crate::remote::rights::{Rights, denied};
use crate::remote::wire::greeting::{Answer, Greeting, PING, RELAY, Side};
use crate::run::context::Context;

/// Sessions that are worked on at the same time at most, whatever a client asks for.
const MOST_WORKERS: u32 = 64;

/// How a client came here.
pub struct Entrance<'a> {
    /// Whether its options are taken. Over SSH they are, since it has a command line too. Over TLS the server's own count.
    pub takes_options: bool,
    /// What the client may do, or why it may not come in.
    pub admit: &'a dyn Fn(&Greeting) -> Result<Rights>,
    /// How this program is started for each conversation that the client carries for others; `None`: that is not served.
    pub again: Option<&'a Again>,
}

impl fmt::Debug for Entrance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("takes_options", &self.takes_options)
            .finish_non_exhaustive()
    }
}

/// How a visit ended.
#[derive(Debug)]
pub enum Visit {
    /// The client said goodbye.
    Over,
    /// The client was refused and told so.
    Refused(Error),
    /// The connection failed while it was served.
    Lost(Error),
}

/// Serves one client until it leaves.
///
/// # Errors
/// Whoever connected is no client that can be understood.
pub fn serve(context: &Context, streams: Streams, entrance: &Entrance<'_>) -> Result<Visit> {
    #[cfg(feature = "faulty")]
    let streams = fault::around(streams);
    let mut settings = own_side::settings();
    // A client is logged in when it comes here, so its greeting needs no more time than anything else it says.
    settings.pace.greeting_within = settings.pace.dead_after;
    serve_with(context, streams, entrance, &settings)
}

fn serve_with(
    context: &Context,
    streams: Streams,
    entrance: &Entrance<'_>,
    settings: &Settings,
) -> Result<Visit> {
    let guest = accept(streams, settings).map_err(|error| lower(&error))?;
    let canceller = guest.canceller();
    let cancel = context.cancel.clone();
    let _stop = context.cancel.on_cancel(move || {
        if let Err(stopped) = cancel.check() {
            canceller.refuse(raise(&stopped));
        }
    });
    let greeting = guest.request::<Greeting>().map_err(|error| lower(&error));
    if matches!(&greeting, Ok(greeting) if greeting.command == PING) {
        // Whoever asks has no rights and needs none.
        let ended = guest.serve(&Answer::Pong, 1, &Nothing);
        return Ok(ended.map_or_else(|error| Visit::Lost(lower(&error)), |()| Visit::Over));
    }
    if let (Ok(greeting), Some(again)) = (&greeting, entrance.again)
        && greeting.command == RELAY
    {
        // Rights, stop files and locks are a matter of each conversation.
        let ended = guest.serve(&Answer::Pong, 1, &Visits::new(again.clone()));
        return Ok(ended.map_or_else(|error| Visit::Lost(lower(&error)), |()| Visit::Over));
    }
    let taken_in = greeting.and_then(|greeting| take_in(context, &greeting, entrance));
    let visitor = match taken_in {
        Ok(visitor) => visitor,
        Err(error) => {
            guest.refuse(raise(&error));
            return Ok(Visit::Refused(error));
        }
    };
    let ended = guest.serve(&visitor.answer, visitor.workers, &*visitor.service);
    Ok(match ended {
        Ok(()) => Visit::Over,
        Err(error) => Visit::Lost(lower(&error)),
    })
}

/// Serves no request.
struct Nothing;

impl Service for Nothing {
    fn serve(&self, exchange: Exchange) {
        exchange.fail(raise(&denied()));
    }
}

/// A client that was taken in.
struct Visitor {
    answer: Answer,
    service: Box<dyn Service>,
    workers: usize,
    /// Holds its locks.
    _context: Arc<Context>,
    _shares: Vec<locks::Share>,
}

fn take_in(context: &Context, greeting: &Greeting, entrance: &Entrance<'_>) -> Result<Visitor> {
    let rights = (entrance.admit)(greeting)?;
    let locks = (greeting.locks.iter()).try_for_each(|name| rights.require_lock(name));
    locks.inspect_err(|error| rights.tell_refused(error))?;
    let context = configure::for_client(context, greeting, entrance.takes_options)?;
    // A command that takes a lock changes something, and only that does a stop file forbid.
    if !greeting.locks.is_empty() {
        stop_file::check(&context)?;
    }
    let shares = locks::take_named(&context, &greeting.locks, &greeting.exec_id)?;
    let context = Arc::new(context);
    let Opened { answer, service } = match greeting.role {
        Side::Pg => cluster::open(&context, &rights)?,
        Side::Repo => storage::open(&context, greeting.key, rights)?,
    };
    Ok(Visitor {
        answer,
        service,
        workers: greeting.workers.clamp(1, MOST_WORKERS) as usize,
        _context: context,
        _shares: shares,
    })
}

/// An error of the connection, seen from the server.
fn lower(error: &pgkeep_protocol::Error) -> Error {
    let code = match error.raised().map(|raised| raised.code) {
        None | Some(0) => ErrorCode::Protocol,
        Some(number) => ErrorCode::from_number(number).unwrap_or(ErrorCode::Unknown),
    };
    Error {
        code,
        message: error.to_string(),
        hints: error.hints().to_vec(),
    }
}
