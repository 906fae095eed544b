//! Status files: what is known of a segment, in pgBackRest's words.
//!
//! A status that cannot be read (empty where it must not be, garbage, a directory or a link of that name, no permission)
//! says nothing: the work is done once more and the file replaced. pgBackRest stops at it for good.

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{FileInfo, FileType, WriteOptions};

use super::{ERROR, OK, Spool};
use crate::error::{Error, ErrorCode, Result};

/// Name of the status that covers all segments without one of their own.
const GLOBAL: &str = "global";
/// A status is an error code and messages; more than this is none.
const STATUS_LIMIT: u64 = 4 << 20;

/// What the background process says about a segment.
#[derive(Debug, Clone)]
pub enum Status {
    /// Needs no more work; the warning, if any, as it is to be logged.
    Ok {
        warning: Option<String>,
    },
    Failed(Error),
}

/// Code and message of a status with content.
type Content = Option<(i64, String)>;

impl Spool {
    /// What is known of a segment: its own `.ok`, then its own `.error`, then the error of all.
    ///
    /// # Errors
    /// When the spool cannot be looked at.
    pub fn status(&self, segment: &str) -> Result<Option<Status>> {
        if let Some(content) = self.read(&format!("{segment}{OK}"))? {
            let warning = content.map(|(code, message)| match code {
                0 => message,
                // Somebody renamed an error file to get on without this segment.
                _ => format!(
                    "WAL segment '{segment}' was not pushed due to error [{code}] and was manually skipped: {message}"
                ),
            });
            return Ok(Some(Status::Ok { warning }));
        }
        for name in [format!("{segment}{ERROR}"), format!("{GLOBAL}{ERROR}")] {
            // An error is never empty, so an empty one is what is left of one.
            let Some(Some((code, message))) = self.read(&name)? else {
                continue;
            };
            let code = u8::try_from(code)
                .ok()
                .and_then(ErrorCode::from_number)
                .unwrap_or(ErrorCode::Unknown);
            return Ok(Some(Status::Failed(Error::new(code, message))));
        }
        Ok(None)
    }

    /// Whether this entry of the queue says that a segment needs no more work.
    ///
    /// # Errors
    /// When the spool cannot be looked at.
    pub fn is_ok(&self, entry: &FileInfo) -> Result<bool> {
        let name = entry.name.to_string();
        // Nearly all are empty: no need to open each.
        let empty = entry.kind == FileType::File && entry.size == 0;
        Ok(name.ends_with(OK) && (empty || self.read(&name)?.is_some()))
    }

    /// The content of a status; `None` when there is no status of this name that can be read.
    fn read(&self, name: &str) -> Result<Option<Content>> {
        let Some(info) = self.info(name)? else {
            return Ok(None);
        };
        let unreadable = |why: &str| {
            log::debug!("status file '{name}' is not taken notice of: {why}");
            Ok(None)
        };
        // Opening anything else may wait for ever, or lead elsewhere.
        if info.kind != FileType::File {
            return unreadable("it is no file");
        }
        if self.is_in_doubt(&info) {
            return unreadable("it is from before the machine started");
        }
        match read_all(&*self.storage, &self.file(name), STATUS_LIMIT) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => match parse(&String::from_utf8_lossy(&bytes)) {
                Ok(content) => Ok(Some(content)),
                Err(why) => unreadable(why),
            },
            Err(error) => unreadable(&error.to_string()),
        }
    }

    /// Says that a segment needs no more work.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn write_ok(&self, segment: &str, warnings: &[String]) -> Result<()> {
        let content = if warnings.is_empty() {
            String::new()
        } else {
            format!("0\n{}", warnings.join("\n"))
        };
        self.write(&format!("{segment}{OK}"), &content)
    }

    /// Says that a segment failed, or with `None` that everything did.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn write_error(&self, segment: Option<&str>, error: &Error) -> Result<()> {
        let content = format!("{}\n{}", error.code.number(), error.text());
        self.write(&format!("{}{ERROR}", segment.unwrap_or(GLOBAL)), &content)
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<()> {
        // Not flushed: what a crash of the machine takes away here is found out again (a segment that was pushed is
        // recognized by its checksum), and two flushes per segment would cost as much as storing it.
        let options = WriteOptions {
            sync: false,
            ..WriteOptions::default()
        };
        let path = self.file(name);
        let write = || write_all(&*self.storage, &path, &options, content.as_bytes()).map(drop);
        let written = write();
        // A file cannot take the name of a directory.
        if written.is_err() && self.is_directory(name) {
            self.storage.remove_tree(&path)?;
            return Ok(write()?);
        }
        Ok(written?)
    }

    /// Forgets earlier errors of this segment and of all.
    ///
    /// # Errors
    /// [`ErrorCode::FileRemove`].
    pub fn clear_errors(&self, segment: &str) -> Result<()> {
        self.remove(&format!("{segment}{ERROR}"))?;
        self.remove(&format!("{GLOBAL}{ERROR}"))?;
        Ok(())
    }
}

/// Code and message of a status file, `None` when it is empty; or what is wrong with it.
fn parse(content: &str) -> std::result::Result<Content, &'static str> {
    if content.is_empty() {
        return Ok(None);
    }
    let (code, message) = content
        .split_once('\n')
        .ok_or("it has less than two lines")?;
    // Blocks that never reached the disk read as zeros.
    let message = message.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let code = code.trim();
    if message.is_empty() {
        return Err("it has no message");
    }
    let code = code.parse().map_err(|_| "its first line is no number")?;
    Ok(Some((code, message.to_owned())))
}
