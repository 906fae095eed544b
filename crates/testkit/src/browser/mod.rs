//! A real browser without a screen, Chromium, which opens pages of our own and tells what became of them.

mod scheme;
mod tab;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::installed;
use crate::run::run;
use crate::scratch::Scratch;
pub use scheme::Scheme;
pub use tab::{Key, Medium, Tab};
use tempfile::TempDir;

/// Where it is, and what it has for itself.
#[derive(Debug)]
pub struct Browser {
    program: PathBuf,
    scratch: Scratch,
}

/// What a page became.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The document after it was loaded and its scripts have run.
    pub document: String,
    /// What the browser said to developers: errors of the page among it.
    pub console: Vec<String>,
}

impl Browser {
    /// # Errors
    /// [`Error::Missing`] where the set-up could not bring it.
    pub fn new() -> Result<Self> {
        let program = installed::cache().join("chromium/bin/chromium");
        if !program.exists() {
            return Err(installed::absent("chromium", "Chromium"));
        }
        Ok(Self {
            program,
            scratch: Scratch::new()?,
        })
    }

    /// Opens a file. Pages from files may look into each other, so that one can examine another in a frame.
    ///
    /// # Errors
    /// The browser does not run.
    pub fn open(&self, page: &Path, scheme: Scheme) -> Result<Opened> {
        let outcome = self.start(page, scheme, &["--dump-dom".to_owned()])?;
        let console = outcome
            .1
            .lines()
            .filter(|line| line.contains(":CONSOLE"))
            .map(str::to_owned)
            .collect();
        Ok(Opened {
            document: outcome.0,
            console,
        })
    }

    /// Prints a file to a PDF.
    ///
    /// # Errors
    /// The browser does not run, or prints nothing.
    pub fn print(&self, page: &Path) -> Result<Vec<u8>> {
        let pdf = self.scratch.join("page.pdf");
        let option = format!("--print-to-pdf={}", pdf.display());
        self.start(page, Scheme::Dark, &[option])?;
        fs::read(&pdf).map_err(|error| Error::failed(format!("Chromium printed nothing: {error}")))
    }

    /// A page before which somebody sits.
    ///
    /// # Errors
    /// The browser does not run.
    pub fn tab(&self) -> Result<Tab> {
        let profile = self.profile()?;
        // It talks over the descriptors 3 and 4, which become its input and output here.
        let mut command = self.scratch.account().command("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2"])
            .arg(&self.program);
        common(&mut command, &profile);
        command.args(["--remote-debugging-pipe", "about:blank"]);
        Tab::start(command, profile)
    }

    /// Of its own for each start: a browser that ends may still hold the last one.
    fn profile(&self) -> Result<TempDir> {
        let profile = tempfile::Builder::new()
            .tempdir_in(self.scratch.path())
            .map_err(|error| Error::failed(format!("no directory for Chromium: {error}")))?;
        self.scratch.account().own(profile.path())?;
        Ok(profile)
    }

    fn start(&self, page: &Path, scheme: Scheme, more: &[String]) -> Result<(String, String)> {
        let profile = self.profile()?;
        let scheme = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let mut command = self.scratch.account().command(&self.program);
        common(&mut command, &profile);
        command
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .args(["--enable-logging=stderr", "--virtual-time-budget=5000"])
            .args(more)
            .arg(format!("file://{}", page.display()));
        let outcome = run(&mut command)?.success()?;
        Ok((outcome.stdout, outcome.stderr))
    }
}

/// What every start has: a profile, and no way to other hosts.
fn common(command: &mut Command, profile: &TempDir) {
    command
        .env("HOME", profile.path())
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args([
            "--allow-file-access-from-files",
            "--disable-background-networking",
            "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--no-first-run",
        ]);
}
