//! Another host over SSH: the client program of the system is started, with the user's own settings, agent and keys.

use std::process::{Command, Stdio};

use pgkeep_config::{Program, option};
use pgkeep_protocol::{Closing, Streams};

use super::arguments::arguments;
use super::child::{Advice, SshChild, is_at_terminal};
use crate::error::{Error, ErrorCode, Result};
use crate::remote::dial::{Dial, Dialed};
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
}

/// The way to the host of this cluster or repository.
pub(super) fn dial(context: &Context, side: Side, key: u32, host: &str) -> Result<SshDial> {
    let config = &context.config;
    let arguments = arguments(context, side, key, host)?;
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
        program: config.string(option::CMD_SSH).unwrap_or("ssh").to_owned(),
        arguments,
        process: format!("remote-0 process on '{host}'"),
        advice,
    })
}

impl Dial for SshDial {
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
    fn not_started(&self, error: &std::io::Error) -> Error {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text);
        let number = error.raw_os_error().unwrap_or(0);
        Error::new(
            ErrorCode::Execute,
            format!(
                "{} terminated unexpectedly [102]: unable to execute '{}': [{number}] {text}",
                self.process, self.program
            ),
        )
    }
}
