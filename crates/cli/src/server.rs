//! The commands `server` and `serve`, and the processes that it starts for connections: what only this crate can do for them.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;
use pgkeep_command::error::{Error, ErrorCode};
use pgkeep_command::run::hangup::Hangup;
use pgkeep_command::run::{Context, begin};
use pgkeep_command::server::{HandOver, Origin, Recorder, Reload, SERVE, visit};
use pgkeep_config::command::CommandId;
use pgkeep_config::{Input, Program};

use crate::files::HostFiles;
use crate::listen_fds;
use crate::log::Sink;
use crate::log_settings::configure_log;
use crate::process;

/// A client that this process was started for.
pub(crate) struct Handed {
    pub(crate) hand_over: HandOver,
    client: std::net::TcpStream,
    server: UnixStream,
}

/// The client that this process was started for, if it was.
pub(crate) fn handed(args: &[String]) -> Result<Option<Handed>, Error> {
    if args.get(1).map(String::as_str) != Some(SERVE) {
        return Ok(None);
    }
    let socket = rustix::stdio::stdin().try_clone_to_owned();
    let received = socket.and_then(|socket| {
        let mut server = UnixStream::from(socket);
        let (hand_over, client) = HandOver::receive(&mut server)?;
        Ok(Handed {
            hand_over,
            client,
            server,
        })
    });
    received.map(Some).map_err(|error| {
        Error::new(
            ErrorCode::CommandInvalid,
            format!("only the command 'server' starts '{SERVE}': {error}"),
        )
    })
}

impl Handed {
    /// Serves the client. Lines of the log follow those of the server.
    pub(crate) fn serve(self, sink: &'static Sink, context: &Context) -> Result<(), Error> {
        configure_log(sink, &context.config);
        sink.continue_file();
        let checked = context.config.check();
        let checked = checked.map_err(|error| begin::lower(&error))?;
        let context = context.with_config(checked.config);
        visit(&context, &self.hand_over, self.client, &self.server)
    }
}

/// What the command was started with, to read it again.
pub(crate) struct Server {
    pub(crate) sink: &'static Sink,
    pub(crate) program: Program,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) files: HostFiles,
    pub(crate) uid: u32,
    pub(crate) origin: Origin,
    pub(crate) hangup: Hangup,
    /// What systemd has opened for `serve`.
    pub(crate) sockets: Mutex<ListenFd>,
    pub(crate) context: Context,
}

impl Server {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        if context.config.command() == CommandId::Serve {
            let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            let sockets = std::mem::replace(&mut *sockets, ListenFd::empty());
            return pgkeep_command::serve::run(context, listen_fds::listeners(sockets)?, self);
        }
        pgkeep_command::server::run(context, self.origin.clone(), self)
    }
}

impl Reload for Server {
    fn load(&self) -> Result<(Context, Origin), Error> {
        let recorder = Recorder::new(&self.files);
        let loaded = pgkeep_config::load(&Input {
            program: self.program,
            args: self.origin.args.clone(),
            environment: self.environment.clone(),
            files: &recorder,
            uid: self.uid,
            exec_id: process::exec_id(),
        });
        let lower = |error| begin::lower(&error);
        let loaded = loaded.map_err(lower)?;
        for warning in &loaded.warnings {
            ::log::warn!("{warning}");
        }
        let checked = loaded.config.check().map_err(lower)?;
        let origin = Origin {
            args: self.origin.args.clone(),
            files: recorder.into_read(),
        };
        Ok((self.context.with_config(checked.config), origin))
    }

    fn put_in_force(&self, context: &Context) {
        configure_log(self.sink, &context.config);
        self.sink.continue_file();
        let config = &context.config;
        ::log::info!("{}", begin::begin_line(config, config.command()));
    }

    fn hangup(&self) -> &Hangup {
        &self.hangup
    }
}
