//! Requests that an account for backups should be refused: programs, terminals, forwarded displays and agents.
//!
//! A server with a forced command grants every request for a program and starts its own in its place. So what was
//! started is told from what it says to [`greeting`], bytes that mean something harmless both to an SFTP server and to
//! a shell. OpenSSH's `internal-sftp` answers requests that are not for SFTP with [`ONLY_SFTP`].

use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg};

use super::connection::Connection;
use crate::sftp::protocol::message;
use crate::sftp::protocol::packet::PacketWriter;

/// Most output of a program that is kept.
const MOST: usize = 16 * 1024;
const REALPATH: u8 = 16;

/// What became of a request for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// The server refused.
    Refused,
    /// The server's SFTP server was started in its place, or it says that it does nothing else.
    Sftp,
    /// A shell ran what it was told.
    Shell,
    /// Something else was started, or tried to: what it wrote, and its exit status.
    Other { text: String, status: Option<u32> },
    /// No channel, or no answer: why.
    Unknown(String),
}

/// A request for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program<'a> {
    Shell,
    /// A command; it is one that writes a word and nothing more.
    Command,
    Subsystem(&'a str),
}

/// A word that appears in the output only if a shell took the quotes out.
const WORD: &str = "pgkeep-ran-this";
/// Said by OpenSSH in place of running anything (session.c).
const ONLY_SFTP: &str = "This service allows sftp connections only.";
const ECHO: &str = "echo pgkeep-'ran'-this";

/// INIT, then REALPATH of a name that is a command on a line of its own. An SFTP server answers both; a shell takes the
/// first bytes for a command that it does not know.
fn greeting() -> Vec<u8> {
    let mut bytes = message::init().to_vec();
    let mut writer = PacketWriter::new(REALPATH);
    writer.u32(1);
    writer.string(format!("\n{ECHO}\nexit\n").as_bytes());
    bytes.extend_from_slice(&writer.finish());
    bytes
}

pub(super) async fn start(
    connection: &Connection,
    program: Program<'_>,
    limit: Duration,
) -> Started {
    let channel = match tokio::time::timeout(limit, connection.handle.channel_open_session()).await
    {
        Ok(Ok(channel)) => channel,
        Ok(Err(error)) => return Started::Unknown(format!("no channel: {error}")),
        Err(_) => return Started::Unknown("no channel in time".into()),
    };
    let asked = match program {
        Program::Shell => channel.request_shell(true).await,
        Program::Command => channel.exec(true, ECHO).await,
        Program::Subsystem(name) => channel.request_subsystem(true, name).await,
    };
    if let Err(error) = asked {
        return Started::Unknown(error.to_string());
    }
    let mut run = Run::default();
    let ended = tokio::time::timeout(limit, run.follow(channel)).await;
    run.outcome(ended.is_ok())
}

#[derive(Debug, Default)]
struct Run {
    granted: bool,
    refused: bool,
    output: Vec<u8>,
    errors: Vec<u8>,
    status: Option<u32>,
}

impl Run {
    async fn follow(&mut self, mut channel: Channel<Msg>) {
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Success if !self.granted => {
                    self.granted = true;
                    if channel.data_bytes(greeting()).await.is_err() || channel.eof().await.is_err()
                    {
                        return;
                    }
                }
                ChannelMsg::Failure => {
                    self.refused = true;
                    break;
                }
                ChannelMsg::Data { data } => keep(&mut self.output, &data),
                ChannelMsg::ExtendedData { data, .. } => keep(&mut self.errors, &data),
                ChannelMsg::ExitStatus { exit_status } => self.status = Some(exit_status),
                ChannelMsg::Close => break,
                _ => {}
            }
            if self.said_enough() {
                break;
            }
        }
        // The other side may have closed it already.
        let _ = channel.close().await;
    }

    fn said_enough(&self) -> bool {
        self.is_sftp() || self.is_shell()
    }

    /// Length, then VERSION.
    fn is_sftp(&self) -> bool {
        self.output.len() > 4 && self.output[4] == message::VERSION && self.output[..2] == [0, 0]
    }

    fn is_shell(&self) -> bool {
        let text = String::from_utf8_lossy(&self.output);
        text.contains(WORD)
    }

    fn outcome(self, ended: bool) -> Started {
        if self.refused {
            return Started::Refused;
        }
        if self.is_sftp() {
            return Started::Sftp;
        }
        if self.is_shell() {
            return Started::Shell;
        }
        if !self.granted {
            return Started::Unknown("no answer".into());
        }
        let mut text = String::from_utf8_lossy(&self.output).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.errors));
        let printable = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>();
        let mut text: String = printable.trim().chars().take(200).collect();
        if text == ONLY_SFTP && self.status == Some(1) {
            return Started::Sftp;
        }
        if !ended && text.is_empty() {
            text = "it ran on and wrote nothing".into();
        }
        Started::Other {
            text,
            status: self.status,
        }
    }
}

fn keep(to: &mut Vec<u8>, from: &[u8]) {
    let room = MOST.saturating_sub(to.len());
    to.extend_from_slice(&from[..from.len().min(room)]);
}

/// Answers to requests for what a session would have; `None`: no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    pub terminal: Option<bool>,
    pub display: Option<bool>,
}

/// Asks for a terminal and an X11 display on one channel, on which no program is started.
pub(super) async fn extras(connection: &Connection, limit: Duration) -> Extras {
    let mut found = Extras::default();
    let Ok(Ok(mut channel)) =
        tokio::time::timeout(limit, connection.handle.channel_open_session()).await
    else {
        return found;
    };
    let asked = async {
        channel.request_pty(true, "dumb", 80, 24, 0, 0, &[]).await?;
        // A made-up cookie: no display of ours stands behind it.
        channel
            .request_x11(
                true,
                true,
                "MIT-MAGIC-COOKIE-1",
                "00000000000000000000000000000000",
                0,
            )
            .await
    };
    if asked.await.is_err() {
        return found;
    }
    // Answers come in the order of the requests.
    for answer in [&mut found.terminal, &mut found.display] {
        *answer = answered(&mut channel, limit).await;
    }
    let _ = channel.close().await;
    found
}

/// Asks for the agent to be forwarded.
pub(super) async fn agent(connection: &Connection, limit: Duration) -> Option<bool> {
    let open = tokio::time::timeout(limit, connection.handle.channel_open_session()).await;
    let mut channel = open.ok()?.ok()?;
    channel.agent_forward(true).await.ok()?;
    let answer = answered(&mut channel, limit).await;
    let _ = channel.close().await;
    answer
}

async fn answered(channel: &mut Channel<Msg>, limit: Duration) -> Option<bool> {
    loop {
        match tokio::time::timeout(limit, channel.wait()).await {
            Ok(Some(ChannelMsg::Success)) => return Some(true),
            Ok(Some(ChannelMsg::Failure)) => return Some(false),
            Ok(Some(ChannelMsg::Close) | None) | Err(_) => return None,
            Ok(Some(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(output: &[u8], status: Option<u32>) -> Started {
        Run {
            granted: true,
            output: output.to_vec(),
            status,
            ..Run::default()
        }
        .outcome(true)
    }

    #[test]
    fn what_was_started_is_told_from_what_it_said() {
        assert_eq!(
            outcome_of(&[0, 0, 0, 5, 2, 0, 0, 0, 3], None),
            Started::Sftp
        );
        assert_eq!(outcome_of(b"pgkeep-ran-this\n", Some(0)), Started::Shell);
        assert_eq!(
            outcome_of(b"This service allows sftp connections only.\n", Some(1)),
            Started::Sftp
        );
        // A terminal's echo of what was typed is no proof that it ran.
        assert!(matches!(
            outcome_of(ECHO.as_bytes(), None),
            Started::Other { .. }
        ));
        assert_eq!(
            outcome_of(b"This account is currently not available.\n", Some(1)),
            Started::Other {
                text: "This account is currently not available.".into(),
                status: Some(1)
            }
        );
    }

    #[test]
    fn a_shell_runs_the_word_in_the_greeting() {
        use std::io::Write;
        let mut shell = std::process::Command::new("/bin/sh")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(&greeting()).unwrap();
        let said = shell.wait_with_output().unwrap().stdout;
        assert_eq!(outcome_of(&said, None), Started::Shell);
    }
}
