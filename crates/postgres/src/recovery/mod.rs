//! The recovery settings of a restored cluster, as text: `recovery.conf` before 12, a rewritten `postgresql.auto.conf` and
//! a signal file from then on.
//!
//! Pure: the caller reads and writes the files, gives the time stamp, and composes the restore command. Values of ours are
//! quoted so that the server reads them back as they are; the user's own `--recovery-option` values are written as they come,
//! as pgBackRest writes them. An existing file is bytes of any encoding.

use crate::error::{Error, ErrorKind, Result};
use crate::version::PgVersion;

pub mod quote;

/// Recovery settings before 12.
pub const RECOVERY_CONF: &str = "recovery.conf";
/// Settings made by the server itself, and recovery settings from 12 on.
pub const AUTO_CONF: &str = "postgresql.auto.conf";
/// Asks a server (12 and later) for targeted recovery.
pub const RECOVERY_SIGNAL: &str = "recovery.signal";
/// Asks a server (12 and later) to be a standby.
pub const STANDBY_SIGNAL: &str = "standby.signal";

/// Up to where a restored cluster recovers (`--type`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveryTarget {
    /// To the end of the archive.
    Default,
    /// As soon as the backup is consistent.
    Immediate,
    /// A restore point.
    Name(String),
    /// A transaction.
    Xid(String),
    Time(String),
    Lsn(String),
    /// Without end, as a standby.
    Standby,
    /// The settings in the backup stay.
    Preserve,
    /// No recovery beyond what the server itself decides.
    None,
}

/// What happens when the target is reached (`--target-action`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetAction {
    /// The server's default, so it is not written.
    #[default]
    Pause,
    Promote,
    Shutdown,
}

/// All that decides about the recovery settings.
#[derive(Debug, Clone)]
pub struct RecoverySettings {
    pub version: PgVersion,
    pub target: RecoveryTarget,
    /// `--recovery-option`: keys with `-` or `_`, in any order.
    pub options: Vec<(String, String)>,
    /// `--archive-mode=off`
    pub archive_mode_off: bool,
    /// The command that fetches WAL, `… archive-get %f "%p"`, with every other `%` doubled; not used if an option gives one.
    pub restore_command: String,
    /// `--target-exclusive`
    pub target_exclusive: bool,
    pub target_action: TargetAction,
    /// `--target-timeline`
    pub target_timeline: Option<String>,
}

/// Settings as they are written between quotes, of which a later one with the same key replaces the value but not the place.
#[derive(Debug, Default)]
struct Settings(Vec<(String, String)>);

impl Settings {
    /// A value of ours.
    fn put(&mut self, key: &str, value: &str) {
        self.put_as_written(key, quote::setting_text(value));
    }

    /// A value that the user has written for the file.
    fn put_as_written(&mut self, key: &str, text: String) {
        match self.0.iter_mut().find(|(existing, _)| existing == key) {
            Some((_, existing)) => *existing = text,
            None => self.0.push((key.to_owned(), text)),
        }
    }

    fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|(existing, _)| existing == key)
    }
}

impl RecoverySettings {
    /// The settings in the order they are written, values as they stand between the quotes; none for targets that write none.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what this version does not know, and for a value that cannot be written.
    pub fn settings(&self) -> Result<Vec<(String, String)>> {
        if matches!(self.target, RecoveryTarget::None | RecoveryTarget::Preserve) {
            return Ok(Vec::new());
        }
        let mut settings = Settings::default();
        let mut options: Vec<_> = self.options.iter().collect();
        options.sort();
        for (key, value) in options {
            settings.put_as_written(&key.replace('-', "_"), value.clone());
        }
        self.check_standby_mode(&settings)?;
        self.put_archive_mode(&mut settings)?;
        if !settings.contains("restore_command") {
            check_line_break("restore_command", &self.restore_command)?;
            settings.put("restore_command", &self.restore_command);
        }
        self.put_target(&mut settings)?;
        match self.target_action {
            TargetAction::Pause => {}
            TargetAction::Promote => settings.put("recovery_target_action", "promote"),
            TargetAction::Shutdown => settings.put("recovery_target_action", "shutdown"),
        }
        self.put_timeline(&mut settings)?;
        Ok(settings.0)
    }

    fn check_standby_mode(&self, settings: &Settings) -> Result<()> {
        if !self.version.has_recovery_settings_in_conf() || !settings.contains("standby_mode") {
            return Ok(());
        }
        let first = PgVersion::V12;
        Err(Error::new(
            ErrorKind::Config,
            format!("'standby_mode' setting is not valid for PostgreSQL >= {first}"),
        )
        .hint("use --type=standby instead of --recovery-option=standby_mode=on."))
    }

    fn put_archive_mode(&self, settings: &mut Settings) -> Result<()> {
        if !self.archive_mode_off {
            return Ok(());
        }
        if self.version < PgVersion::V12 {
            return Err(Error::new(
                ErrorKind::Config,
                "option 'archive-mode' is not supported on PostgreSQL < 12",
            )
            .hint("'archive_mode' should be manually set to 'off' in postgresql.conf."));
        }
        settings.put("archive_mode", "off");
        Ok(())
    }

    fn put_target(&self, settings: &mut Settings) -> Result<()> {
        let (key, target) = match &self.target {
            RecoveryTarget::Immediate => {
                settings.put("recovery_target", "immediate");
                return Ok(());
            }
            RecoveryTarget::Standby if self.version < PgVersion::V12 => {
                settings.put("standby_mode", "on");
                return Ok(());
            }
            RecoveryTarget::Name(target) => ("recovery_target_name", target),
            RecoveryTarget::Xid(target) => ("recovery_target_xid", target),
            RecoveryTarget::Time(target) => ("recovery_target_time", target),
            RecoveryTarget::Lsn(target) => ("recovery_target_lsn", target),
            RecoveryTarget::Default
            | RecoveryTarget::Standby
            | RecoveryTarget::Preserve
            | RecoveryTarget::None => return Ok(()),
        };
        check_line_break(key, target)?;
        settings.put(key, target);
        if self.target_exclusive {
            settings.put("recovery_target_inclusive", "false");
        }
        Ok(())
    }

    fn put_timeline(&self, settings: &mut Settings) -> Result<()> {
        let has_current = self.version >= PgVersion::V12;
        match self.target_timeline.as_deref() {
            // Before 12 this is the default, and if written it means the latest one
            Some("current") if !has_current => {}
            Some(timeline) => {
                check_line_break("recovery_target_timeline", timeline)?;
                settings.put("recovery_target_timeline", timeline);
            }
            // The latest timeline may be out of reach from this backup, and none is needed to become consistent
            None if self.target == RecoveryTarget::Immediate && has_current => {
                settings.put("recovery_target_timeline", "current");
            }
            None => {}
        }
        Ok(())
    }

    /// The settings as lines of a configuration file; `now` is the time as `YYYY-MM-DD HH:MM:SS`.
    fn text(&self, now: &str) -> Result<String> {
        let mut text = format!("# Recovery settings generated by pgBackRest restore on {now}\n");
        for (key, value) in self.settings()? {
            text += &format!("{key} = '{value}'\n");
        }
        Ok(text)
    }

    /// The content of `recovery.conf` for versions before 12; `None` if none is to be written.
    pub fn recovery_conf(&self, now: &str) -> Result<Option<String>> {
        if self.version.has_recovery_settings_in_conf() || self.writes_nothing() {
            return Ok(None);
        }
        self.text(now).map(Some)
    }

    /// The new content of `postgresql.auto.conf` from 12 on, made from the existing one (`None` if there is no file);
    /// `None` if the file is to stay as it is. Old recovery targets are commented out.
    pub fn auto_conf(&self, existing: Option<&[u8]>, now: &str) -> Result<Option<Vec<u8>>> {
        if !self.version.has_recovery_settings_in_conf() || self.target == RecoveryTarget::Preserve
        {
            return Ok(None);
        }
        let mut content =
            existing.map_or_else(Vec::new, |existing| comment_out_targets(existing, now));
        if !self.writes_nothing() {
            if existing.is_some() {
                content = trim(&content).to_vec();
                content.extend(b"\n\n");
            }
            content.extend(self.text(now)?.into_bytes());
        }
        Ok(Some(content))
    }

    /// The empty file that is to be made in the data directory, if any.
    pub fn signal_file(&self) -> Option<&'static str> {
        if !self.version.has_recovery_settings_in_conf() || self.writes_nothing() {
            return None;
        }
        Some(if self.target == RecoveryTarget::Standby {
            STANDBY_SIGNAL
        } else {
            RECOVERY_SIGNAL
        })
    }

    /// The file that recovery settings are written to in this version.
    pub fn settings_file(&self) -> &'static str {
        if self.version.has_recovery_settings_in_conf() {
            AUTO_CONF
        } else {
            RECOVERY_CONF
        }
    }

    fn writes_nothing(&self) -> bool {
        matches!(self.target, RecoveryTarget::None | RecoveryTarget::Preserve)
    }
}

fn check_line_break(key: &str, value: &str) -> Result<()> {
    if !quote::has_line_break(value) {
        return Ok(());
    }
    let shown = value.replace('\n', "\\n");
    Err(Error::new(
        ErrorKind::Config,
        format!("'{key}' setting cannot have a line break: '{shown}'"),
    )
    .hint("the first ALTER SYSTEM after the restore would write a settings file that PostgreSQL cannot read."))
}

fn comment_out_targets(content: &[u8], now: &str) -> Vec<u8> {
    let mark = format!("# Removed by pgBackRest restore on {now} # ");
    let mut result = Vec::with_capacity(content.len());
    for (index, line) in content.split(|&b| b == b'\n').enumerate() {
        if index > 0 {
            result.push(b'\n');
        }
        if is_target(line) {
            result.extend(mark.as_bytes());
        }
        result.extend(line);
    }
    result
}

/// Whether a line sets where recovery ends.
fn is_target(line: &[u8]) -> bool {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = line.iter().position(|b| !is_blank(b)).unwrap_or(line.len());
    let line = &line[start..];
    let end = line
        .iter()
        .position(|b| is_blank(b) || *b == b'=')
        .unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let names: [&[u8]; 8] = [
        b"recovery_target",
        b"recovery_target_action",
        b"recovery_target_inclusive",
        b"recovery_target_lsn",
        b"recovery_target_name",
        b"recovery_target_time",
        b"recovery_target_timeline",
        b"recovery_target_xid",
    ];
    names.contains(&key) && rest.iter().find(|b| !is_blank(b)) == Some(&b'=')
}

/// Without the blanks and line ends at both sides; other control characters stay.
fn trim(content: &[u8]) -> &[u8] {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = content
        .iter()
        .position(|b| !is_space(b))
        .unwrap_or(content.len());
    let end = content
        .iter()
        .rposition(|b| !is_space(b))
        .map_or(start, |last| last + 1);
    &content[start..end]
}

#[cfg(test)]
mod tests;
