//! Another host over SSH: the client program of the system is started, with the user's own settings, agent and keys.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pgkeep_config::{Program, option};
use pgkeep_protocol::{Closing, Streams};

use super::arguments::arguments;
use super::child::{Advice, SshChild, is_at_terminal};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::persist_socket;
use crate::remote::dial::{Dial, Dialed};
use crate::remote::relay::borrow;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// How the SSH client program is started for one host.
#[derive(Debug)]
pub(super) struct SshDial {
    program: String,
    arguments: Vec<String>,
    /// How messages name the process over there.
    process: String,
    advice: Vec<Advice>,
    /// Where another process may lend a connection.
    socket: Option<PathBuf>,
}

/// The way to the host of this cluster or repository.
pub(super) fn dial(context: &Context, side: Side, key: u32, host: &str) -> Result<SshDial> {
    let config = &context.config;
    let arguments = arguments(context, side, key, host)?;
    let program = config.string(option::CMD_SSH).unwrap_or("ssh").to_owned();
    let socket = match side {
        Side::Pg => None,
        Side::Repo => persist_socket::of_host(context, key, &way(context, &program, &arguments)),
    };
    let option = format!("{}{key}-host", side.name());
    let user = arguments.iter().rev().nth(1).cloned().unwrap_or_default();
    let advice = match config.program() {
        Program::PgBackRest => Vec::new(),
        Program::PgKeep => vec![
            Advice {
                status: 255,
                hint: format!(
                    "as user {}, this must work without a question: {} {user} true",
                    context.user.name,
                    config.string(option::CMD_SSH).unwrap_or("ssh"),
                ),
            },
            Advice {
                status: 127,
                hint: format!(
                    "is pgkeep installed on '{host}'? {option}-cmd names the program there."
                ),
            },
        ],
    };
    Ok(SshDial {
        program,
        arguments,
        socket,
        process: format!("remote-0 process on '{host}'"),
        advice,
    })
}

/// What makes it the connection that it is: the words but those of this one run, the agent that has the keys.
fn way(context: &Context, program: &str, arguments: &[String]) -> String {
    let words = arguments.iter().flat_map(|word| word.split(' '));
    let own = |word: &&str| !word.starts_with("--exec-id=");
    let words: Vec<_> = words.filter(own).collect();
    let agent = context.environment.get("SSH_AUTH_SOCK");
    format!("{program} {words:?} {agent:?}")
}

impl Dial for SshDial {
    fn borrow(&self) -> Option<Dialed> {
        borrow(self.socket()?)
    }

    fn dial(&self) -> Result<Dialed> {
        log::debug!("start '{}' {:?}", self.program, self.arguments);
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let alone = !is_at_terminal();
        if alone {
            // A wrapper may have started the client as a child of its own, which must end too. At a terminal it stays in the
            // group of this process: only that may ask the user something.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::new(ErrorCode::Assert, "a child without its pipes"));
        };
        let child = SshChild::watch(
            child,
            stderr,
            alone,
            self.process.clone(),
            self.advice.clone(),
        );
        let closes = child.clone();
        let streams = Streams::new(stdout, stdin, move |how| {
            if how == Closing::Broken {
                closes.give_up();
            }
        });
        Ok(Dialed {
            streams,
            carrier: Box::new(child),
        })
    }
}

impl SshDial {
    /// Where another process may lend a connection.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    fn not_started(&self, error: &std::io::Error) -> Error {
        let number = error.raw_os_error().unwrap_or(0);
        Error::new(
            ErrorCode::Execute,
            format!(
                "{} terminated unexpectedly [102]: unable to execute '{}': [{number}] {error}",
                self.process, self.program
            ),
        )
    }
}
