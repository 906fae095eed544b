//! A program at a terminal of its own, as a user sees it: util-linux `script` makes the terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::error::{During, Error, Result};

/// Lines and columns of the terminal.
const SIZE: (u32, u32) = (40, 120);

/// No program takes longer, but for one that waits for a key.
const LONGEST: Duration = Duration::from_secs(300);

/// What was sent to the terminal so far, and whether more may come.
#[derive(Debug, Default)]
struct Sent {
    bytes: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

/// A program that runs at a terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: Option<ChildStdin>,
    sent: Arc<Sent>,
    reader: Option<JoinHandle<()>>,
}

/// What was on the terminal, and the exit status.
#[derive(Debug, Clone)]
pub struct Seen {
    pub code: i32,
    /// Everything that was sent, control sequences included.
    pub raw: String,
}

impl Seen {
    /// The lines that are left on the screen at the end, without control sequences and without empty ones.
    pub fn lines(&self) -> Vec<String> {
        let plain = |line: &Line| line.iter().map(|(letter, _)| letter).collect::<String>();
        let lines = left_on_screen(&self.raw);
        let lines = lines.iter().map(|line| plain(line).trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }

    /// All lines that are left on the screen at the end, with the control sequences that colour them.
    pub fn coloured(&self) -> Vec<String> {
        left_on_screen(&self.raw).iter().map(coloured).collect()
    }

    /// The last line that is left.
    pub fn last_line(&self) -> String {
        self.lines().pop().unwrap_or_default()
    }

    /// Itself if the exit status is as expected, else an error with all that was seen.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        if self.code == code {
            return Ok(self);
        }
        Err(Error::failed(format!(
            "exit code {} instead of {code}:\n{}",
            self.code,
            self.lines().join("\n")
        )))
    }
}

impl Terminal {
    /// Starts a program at a terminal, with more of environment than an account has.
    ///
    /// # Errors
    /// `Missing` without the program `script`.
    pub fn start(
        account: &Account,
        program: &Path,
        arguments: &[String],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let words: Vec<String> = std::iter::once(program.display().to_string())
            .chain(arguments.iter().cloned())
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect();
        let (rows, columns) = SIZE;
        let line = format!("stty rows {rows} cols {columns}; exec {}", words.join(" "));
        let mut command: Command = account.command("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::missing("the program script (package bsdutils)"));
            }
            other => other.during("start the program script")?,
        };
        let keyboard = child.stdin.take();
        let mut output = child
            .stdout
            .take()
            .ok_or_else(|| Error::failed("no output"))?;
        let sent = Arc::new(Sent::default());
        let into = Arc::clone(&sent);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let got = output.read(&mut buffer).unwrap_or(0);
                let mut bytes = into.bytes.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.0.extend_from_slice(&buffer[..got]);
                bytes.1 |= got == 0;
                into.more.notify_all();
                if got == 0 {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            keyboard,
            sent,
            reader: Some(reader),
        })
    }

    /// Runs a program at a terminal to its end.
    ///
    /// # Errors
    /// As [`Terminal::start`].
    pub fn run(account: &Account, program: &Path, arguments: &[String]) -> Result<Seen> {
        Self::start(account, program, arguments, &[])?.end()
    }

    /// Waits until what was sent satisfies `is_there`.
    ///
    /// # Errors
    /// When the program ends before, or a minute has passed.
    pub fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
        let patience = Duration::from_secs(60);
        let began = Instant::now();
        let mut bytes = self
            .sent
            .bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let text = String::from_utf8_lossy(&bytes.0).into_owned();
            if is_there(&text) {
                return Ok(());
            }
            let left = patience.saturating_sub(began.elapsed());
            if bytes.1 || left.is_zero() {
                return Err(Error::failed(format!("{what} was not seen:\n{text}")));
            }
            bytes = self
                .sent
                .more
                .wait_timeout(bytes, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Presses keys; `\x03` is Ctrl-C.
    ///
    /// # Errors
    /// When the program has ended.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        let keyboard = self.keyboard.as_mut();
        let keyboard = keyboard.ok_or_else(|| Error::failed("no keyboard"))?;
        keyboard
            .write_all(keys.as_bytes())
            .and_then(|()| keyboard.flush())
            .during("press keys")
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// When it does not end: it may wait for a key.
    pub fn end(mut self) -> Result<Seen> {
        // The keyboard stays until then: its end would be a Ctrl-D.
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().during("wait for the program")? {
                break status;
            }
            if began.elapsed() > LONGEST {
                let bytes = self
                    .sent
                    .bytes
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let text = String::from_utf8_lossy(&bytes.0).into_owned();
                return Err(Error::failed(format!("it does not end:\n{text}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        self.keyboard = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let bytes = self
            .sent
            .bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(Seen {
            code: status.code().unwrap_or(-1),
            raw: String::from_utf8_lossy(&bytes.0).into_owned(),
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.reader.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Letters of a line, each with the control sequence of its colour.
type Line = Vec<(char, String)>;

/// What a terminal shows at the end.
fn left_on_screen(raw: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![Vec::new()];
    let mut column = 0;
    let mut colour = String::new();
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        let line = lines.last_mut().expect("there is always a line");
        match character {
            '\x1b' => {
                if characters.next_if_eq(&'[').is_none() {
                    continue;
                }
                let mut parameters = String::new();
                let end = loop {
                    match characters.next() {
                        Some(end @ ('@'..='~')) => break end,
                        Some(other) => parameters.push(other),
                        None => break '~',
                    }
                };
                match end {
                    'K' if parameters == "2" => line.clear(),
                    'K' => line.truncate(column),
                    // Drawings of several lines go back up; what is below is drawn anew.
                    'A' => {
                        let up: usize = parameters.parse().unwrap_or(1);
                        lines.truncate(lines.len().saturating_sub(up).max(1));
                    }
                    'm' if matches!(parameters.as_str(), "" | "0") => colour.clear(),
                    'm' => colour = format!("\x1b[{parameters}m"),
                    _ => {}
                }
            }
            '\r' => column = 0,
            '\n' => {
                lines.push(Vec::new());
                column = 0;
            }
            other => {
                line.resize(line.len().max(column + 1), (' ', String::new()));
                line[column] = (other, colour.clone());
                column += 1;
            }
        }
    }
    lines
}

fn coloured(line: &Line) -> String {
    let mut text = String::new();
    let mut before = "";
    let blank = |(letter, _): &&(char, String)| *letter == ' ';
    let end = line.len() - line.iter().rev().take_while(blank).count();
    for (letter, colour) in &line[..end] {
        if colour != before {
            text.push_str("\x1b[0m");
            text.push_str(colour);
            before = colour;
        }
        text.push(*letter);
    }
    if !before.is_empty() {
        text.push_str("\x1b[0m");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_drawn_over_is_gone() {
        let raw =
            "one\r\nbar 10%\r\x1b[2Kbar 20%\r\x1b[2K\x1b[1mtwo\x1b[0m\r\nabcdef\rxy\x1b[K\r\n";
        let seen = Seen {
            code: 0,
            raw: raw.to_owned(),
        };
        assert_eq!(seen.lines(), ["one", "two", "xy"]);
        assert_eq!(
            seen.coloured(),
            ["one", "\x1b[0m\x1b[1mtwo\x1b[0m", "xy", ""]
        );
    }
}
