//! A command that goes on while the test does something else, with its output in a file.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::error::{During, Error, Result};

/// How often it is looked at, for at most a minute.
const LOOKS: usize = 3000;
const PAUSE: Duration = Duration::from_millis(20);

/// It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// Starts the command; what it prints, without errors, goes to `output`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command, output: PathBuf) -> Result<Self> {
        let file = fs::File::create(&output).during("make a file for output")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .spawn()
            .during("start a command")?;
        Ok(Self { child, output })
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn printed(&self) -> Result<String> {
        fs::read_to_string(&self.output).during("read output")
    }

    /// Waits until it has printed `text`.
    ///
    /// # Errors
    /// It ends without, or a minute is over.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        for _ in 0..LOOKS {
            let ended = self.child.try_wait().during("look at a command")?.is_some();
            if self.printed()?.contains(text) {
                return Ok(());
            }
            if ended {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        let printed = self.printed()?;
        Err(Error::failed(format!(
            "'{text}' was not printed:\n{printed}"
        )))
    }

    /// Waits until it ends with this code; gives what it printed.
    ///
    /// # Errors
    /// It ends otherwise, or a minute is over.
    pub fn ends(&mut self, code: i32) -> Result<String> {
        for _ in 0..LOOKS {
            if let Some(status) = self.child.try_wait().during("look at a command")? {
                let printed = self.printed()?;
                return match status.code() == Some(code) {
                    true => Ok(printed),
                    false => Err(Error::failed(format!(
                        "{status} in place of {code}:\n{printed}"
                    ))),
                };
            }
            std::thread::sleep(PAUSE);
        }
        let printed = self.printed()?;
        Err(Error::failed(format!("it goes on:\n{printed}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
