//! A page that is open, and a user before it: keys are pressed, and the page is asked what became of it.
//!
//! The browser is told by its protocol for developers, over its standard input and output: no port is opened.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scheme::Scheme;
use crate::error::{During, Error, Result};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Tab,
    /// Tab with Shift.
    BackTab,
    Enter,
}

/// On what the page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    Screen,
    /// Paper.
    Print,
}

/// The browser with one page; it ends when this is dropped.
#[derive(Debug)]
pub struct Tab {
    child: Child,
    input: ChildStdin,
    said: Receiver<Value>,
    session: Option<String>,
    asked: u64,
    /// What the page has complained about.
    console: Vec<String>,
    _profile: TempDir,
}

impl Tab {
    /// `command` starts the browser, which takes its orders from the descriptors 3 and 4.
    pub(super) fn start(mut command: Command, profile: TempDir) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .during("start Chromium")?;
        let (input, output) = match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => (input, output),
            _ => return Err(Error::failed("Chromium has no pipes")),
        };
        let (send, said) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(|read| read.ok()) {
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut tab = Self {
            child,
            input,
            said,
            session: None,
            asked: 0,
            console: Vec::new(),
            _profile: profile,
        };
        let target = tab.ask("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = tab.ask("Target.attachToTarget", attach)?;
        tab.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            tab.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(tab)
    }

    /// Opens a file and waits until it is loaded.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&mut self, page: &Path) -> Result<()> {
        let url = format!("file://{}", page.display());
        let opened = self.ask("Page.navigate", json!({"url": url}))?;
        if let Some(why) = opened["errorText"].as_str() {
            return Err(Error::failed(format!("{url}: {why}")));
        }
        // The answer may have come before or after it was loaded.
        let until = Instant::now() + PATIENCE;
        while self.evaluate("document.readyState === 'complete' && location.protocol")? != "file:" {
            if Instant::now() > until {
                return Err(Error::failed(format!("{url} is not loaded")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ask("Page.bringToFront", json!({})).map(drop)
    }

    /// Looks at it in this width, on this medium, with these colours preferred.
    ///
    /// # Errors
    /// The browser has ended.
    pub fn look(&mut self, width: u32, medium: Medium, scheme: Scheme) -> Result<()> {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size)?;
        let media = match medium {
            Medium::Screen => "screen",
            Medium::Print => "print",
        };
        let scheme = match scheme {
            Scheme::Dark => "dark",
            Scheme::Light => "light",
        };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let wanted = json!({"media": media, "features": features});
        self.ask("Emulation.setEmulatedMedia", wanted).map(drop)
    }

    /// Presses a key and lets it go.
    ///
    /// # Errors
    /// The browser has ended.
    pub fn press(&mut self, key: Key) -> Result<()> {
        let (name, number, shift, text) = match key {
            Key::Tab => ("Tab", 9, 0, None),
            Key::BackTab => ("Tab", 9, 8, None),
            Key::Enter => ("Enter", 13, 0, Some("\r")),
        };
        let mut event = json!({
            "type": "rawKeyDown", "key": name, "code": name, "windowsVirtualKeyCode": number,
            "modifiers": shift,
        });
        if let Some(text) = text {
            event["type"] = "keyDown".into();
            event["text"] = text.into();
        }
        self.ask("Input.dispatchKeyEvent", event.clone())?;
        event["type"] = "keyUp".into();
        self.ask("Input.dispatchKeyEvent", event).map(drop)
    }

    /// What an expression of JavaScript comes to.
    ///
    /// # Errors
    /// It fails.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let wanted = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut found = self.ask("Runtime.evaluate", wanted)?;
        match &found["exceptionDetails"] {
            Value::Null => Ok(found["result"]["value"].take()),
            why => Err(Error::failed(why.to_string())),
        }
    }

    /// The page on paper of this size in inches, as a PDF.
    ///
    /// # Errors
    /// It cannot be printed.
    pub fn print(&mut self, (width, height): (f64, f64)) -> Result<Vec<u8>> {
        let paper = json!({
            "paperWidth": width, "paperHeight": height, "printBackground": false,
        });
        let printed = self.ask("Page.printToPDF", paper)?;
        let data = printed["data"].as_str().unwrap_or_default();
        STANDARD
            .decode(data)
            .map_err(|error| Error::failed(format!("no PDF: {error}")))
    }

    /// What the page has complained about, errors among it.
    #[must_use]
    pub fn console(&self) -> &[String] {
        &self.console
    }

    /// Asks and waits for the answer; what comes meanwhile is noted.
    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.asked += 1;
        let mut order = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            order["sessionId"] = session.as_str().into();
        }
        let mut order = order.to_string().into_bytes();
        order.push(0);
        self.input
            .write_all(&order)
            .and_then(|()| self.input.flush())
            .during(format!("tell Chromium {method}"))?;
        loop {
            let mut said = self
                .said
                .recv_timeout(PATIENCE)
                .map_err(|error| Error::failed(format!("Chromium after {method}: {error}")))?;
            let complaint = match said["method"].as_str() {
                Some("Runtime.exceptionThrown") => Some(&said["params"]["exceptionDetails"]),
                Some("Runtime.consoleAPICalled") => Some(&said["params"]["args"]),
                Some("Log.entryAdded") => Some(&said["params"]["entry"]),
                _ => None,
            };
            self.console.extend(complaint.map(Value::to_string));
            if said["id"] != self.asked {
                continue;
            }
            return match &said["error"] {
                Value::Null => Ok(said["result"].take()),
                why => Err(Error::failed(format!("{method}: {why}"))),
            };
        }
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
