//! WAL on its way to the scratch server: `archive-get`, and a look at every segment before it is replayed.
//!
//! A record that creates a tablespace names the place of the original. Its replay would change files there, on the host of the
//! cluster those of the cluster itself (and before version 14 remove them). So each segment waits, in `restore_command`, for the
//! answer of this program.
#![allow(clippy::disallowed_methods)] // files of the scratch directory

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use pgkeep_config::shell_word;
use pgkeep_postgres::Lsn;
use pgkeep_postgres::wal::tablespaces::{Found, TablespaceScan};

use super::directory::Scratch;
use super::error::failed;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Segments as they come.
#[derive(Debug)]
pub(crate) struct Replayed<'a> {
    scratch: &'a Scratch,
    ask: fs::File,
    answer: fs::File,
    asked: Vec<u8>,
    scan: TablespaceScan,
    refused: Option<(String, Found)>,
    /// How many came.
    pub(crate) segments: u64,
}

impl<'a> Replayed<'a> {
    /// Makes ready; gives `restore_command` besides.
    ///
    /// # Errors
    /// Files that cannot be made; WAL in the backup that must not be replayed here.
    pub(crate) fn prepare(
        context: &Context,
        scratch: &'a Scratch,
        settings: &Settings,
    ) -> Result<(Self, String)> {
        let program = context.program_path.to_string_lossy();
        let mut words = vec![shell_word(&program)];
        words.extend(settings.archive_get.iter().cloned());
        for (option, name) in [("pg1-path", "data"), ("lock-path", "lock")] {
            words.push(format!("--{option}={}", scratch.join(name).display()));
        }
        for word in [
            "--pg1-local",
            "--reset-archive-async",
            "--archive-get-strict",
        ] {
            words.push(word.to_owned());
        }
        for word in [
            "--log-format=text",
            "--log-level-console=off",
            "--log-level-stderr=warn",
            "--log-level-file=off",
        ] {
            words.push(word.to_owned());
        }
        let root = scratch.root().display().to_string();
        scratch.write("conf/fetch", &script(&words.join(" "), &root))?;
        let from = start_of(&scratch.read("data/backup_label"))?;
        let (ask, answer) = (fifo(scratch, "run/ask")?, fifo(scratch, "run/answer")?);
        let mut replayed = Self {
            scratch,
            ask,
            answer,
            asked: Vec::new(),
            scan: TablespaceScan::starting_at(from),
            refused: None,
            segments: 0,
        };
        replayed.look_at_restored()?;
        Ok((replayed, format!("sh {root}/conf/fetch %f \"%p\"")))
    }

    /// Segments that the backup brought with it are replayed where the archive does not have them.
    fn look_at_restored(&mut self) -> Result<()> {
        let path = self.scratch.join("data/pg_wal");
        let mut names: Vec<String> = fs::read_dir(&path)
            .map_err(|error| failed(ErrorCode::PathOpen, "list path", &path, &error))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .collect();
        names.sort();
        for name in names {
            self.look(&format!("data/pg_wal/{name}"), &name)?;
        }
        self.check()
    }

    /// Answers whoever asks.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub(crate) fn answer(&mut self) -> Result<()> {
        let mut bytes = [0; 256];
        match self.ask.read(&mut bytes) {
            Ok(count) => self.asked.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => {
                return Err(failed(
                    ErrorCode::FileRead,
                    "read",
                    &self.scratch.join("run/ask"),
                    &error,
                ));
            }
        }
        while let Some(end) = self.asked.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.asked.drain(..=end).collect();
            let name = String::from_utf8_lossy(&line).trim().to_owned();
            self.segments += 1;
            self.look("data/pg_wal/RECOVERYXLOG", &name)?;
            let answer = if self.refused.is_none() {
                name
            } else {
                "no".to_owned()
            };
            self.answer
                .write_all(format!("{answer}\n").as_bytes())
                .map_err(|error| {
                    failed(
                        ErrorCode::FileWrite,
                        "write",
                        &self.scratch.join("run/answer"),
                        &error,
                    )
                })?;
        }
        Ok(())
    }

    fn look(&mut self, file: &str, name: &str) -> Result<()> {
        let path = self.scratch.join(file);
        let bytes =
            fs::read(&path).map_err(|error| failed(ErrorCode::FileRead, "read", &path, &error))?;
        if let Some(found) = self.scan.segment(&bytes).into_iter().next() {
            self.refused.get_or_insert((name.to_owned(), found));
        }
        Ok(())
    }

    /// The error of WAL that must not be replayed here.
    pub(crate) fn check(&self) -> Result<()> {
        let (segment, found) = match &self.refused {
            None => return Ok(()),
            Some((segment, found)) => (segment, found),
        };
        Err(match found {
            Found::Created(place) => Error::new(
                ErrorCode::TablespaceMap,
                format!("WAL segment {segment} creates a tablespace in '{place}': its replay would change files outside of the scratch directory"),
            )
            .with_hint("make a new backup and use that one: tablespaces that are in a backup are mapped.")
            .with_hint("or choose a target some segments before it: PostgreSQL reads ahead."),
            Found::Unclear(why) => Error::new(
                ErrorCode::Format,
                format!("WAL segment {segment} cannot be followed: {why}"),
            )
            .with_hint("it may create a tablespace at the place of the original, so it is not replayed.")
            .with_hint("choose a target before it, or make a new backup and use that one."),
        })
    }
}

/// Where replay begins; from the first byte on if the backup does not say.
fn start_of(backup_label: &str) -> Result<Lsn> {
    let Some(line) = backup_label
        .lines()
        .find_map(|line| line.strip_prefix("START WAL LOCATION: "))
    else {
        return Ok(Lsn(0));
    };
    let address = line.split_whitespace().next().unwrap_or_default();
    Ok(address.parse()?)
}

/// What the server runs for each file. 126 ends the server: it must not take an error for the end of the archive.
fn script(archive_get: &str, root: &str) -> String {
    format!(
        r#"#!/bin/sh
# Made by pgkeep: fetches a file of the archive and waits until it was looked at.
{archive_get} archive-get "$1" "$2" || exit $?
case "$1" in *.*) exit 0 ;; esac
printf '%s\n' "$1" >{root}/run/ask || exit 126
read -r answer <{root}/run/answer || exit 126
[ "$answer" = "$1" ] || exit 126
"#
    )
}

/// A pipe with a name that both sides can open without waiting for the other.
fn fifo(scratch: &Scratch, name: &str) -> Result<fs::File> {
    let path = scratch.join(name);
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&path)
        .status()
        .map_err(|error| {
            Error::new(
                ErrorCode::Execute,
                format!("unable to execute 'mkfifo': {error}"),
            )
        })?;
    if !made.success() {
        return Err(Error::new(
            ErrorCode::Execute,
            format!("unable to make the named pipe '{}'", path.display()),
        ));
    }
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(&path)
        .map_err(|error| failed(ErrorCode::FileOpen, "open", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_user_are_left_as_they_are() {
        let said = "pgkeep --repo1-path=/ROOT/GET --config='{root}'";
        let script = script(said, "/srv/scratch");
        assert!(
            script.contains(&format!("\n{said} archive-get \"$1\"")),
            "{script}"
        );
        assert!(
            script.contains(">/srv/scratch/run/ask ")
                && script.contains("</srv/scratch/run/answer ")
        );
        assert!(script.contains("printf '%s\\n' \"$1\""), "{script}");
    }

    #[test]
    fn replay_begins_where_the_backup_says() {
        let label =
            "START WAL LOCATION: 1/5000028 (file 000000010000000100000005)\nSTART TIME: x\n";
        assert_eq!(start_of(label).unwrap(), Lsn(0x1_0500_0028));
        assert_eq!(start_of("").unwrap(), Lsn(0));
        assert!(start_of("START WAL LOCATION: odd").is_err());
    }
}
