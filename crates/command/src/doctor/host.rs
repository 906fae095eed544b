//! This host: directories of the program, files with secrets, stop files.

use std::path::{Path, PathBuf};

use pgkeep_config::shell_word;
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::check::{CONFIG_MODE, LOCK_PATH, LOG_PATH, LOG_SPACE, SPOOL_PATH, SPOOL_SPACE, STOP};
use super::settings::Settings;
use super::space;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::locks::stop_file;
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade, Subject};
use crate::run::Context;

pub(super) fn examine(context: &Context, settings: &Settings) -> Result<Vec<Finding>> {
    let host = Subject::default();
    let mut findings: Vec<Finding> = settings
        .secret_files
        .iter()
        .map(|file| config_mode(&host, file))
        .collect();
    let user = &context.user.name;
    let mut directory = |check, path: &str, made: bool, option: &str| {
        findings.push(writable(&host, check, path, made, (option, user)));
    };
    if let Some(path) = &settings.log_path {
        directory(&LOG_PATH, path, false, "log-path");
    }
    directory(&LOCK_PATH, &settings.lock_path, true, "lock-path");
    if let Some(path) = &settings.spool_path {
        directory(&SPOOL_PATH, path, true, "spool-path");
    }
    for (check, path) in [
        (&LOG_SPACE, &settings.log_path),
        (&SPOOL_SPACE, &settings.spool_path),
    ] {
        if let Some(path) = path {
            findings.extend(space::of_directory(&host, check, Path::new(path)));
        }
    }
    findings.push(stopped(context)?);
    Ok(findings)
}

fn stopped(context: &Context) -> Result<Finding> {
    let stanza = context.config.stanza();
    let subject = stanza.map_or_else(Subject::default, Subject::stanza);
    match stop_file::find(context) {
        Ok(None) => Ok(subject.ok(&STOP, "none")),
        Ok(Some(stopped)) => Ok(subject.fail(&STOP, stopped.text(), stopped.start())),
        Err(error) if error.code == ErrorCode::Term => Err(error),
        Err(error) => Ok(subject.not_tested(&STOP, error.text())),
    }
}

fn config_mode(host: &Subject, file: &Path) -> Finding {
    let (directory, name) = (
        file.parent().unwrap_or(Path::new("/")),
        file.file_name().unwrap_or_default(),
    );
    let name = StoragePath::new(name.as_encoded_bytes());
    let shown = file.display();
    match this_host::directory(directory).info(&name, InfoLevel::Detail) {
        Ok(Some(info)) if info.mode & 0o007 != 0 => host.fail(
            &CONFIG_MODE,
            format!("'{shown}' holds a secret and has mode {:04o}", info.mode),
            format!("chmod o-rwx {}", shell_word(&shown.to_string())),
        ),
        Ok(Some(info)) => host.ok(
            &CONFIG_MODE,
            format!("'{shown}' has mode {:04o}", info.mode),
        ),
        Ok(None) => host.not_tested(&CONFIG_MODE, format!("'{shown}' is not there any more")),
        Err(error) => host.not_tested(&CONFIG_MODE, error.to_string()),
    }
}

/// `made`: the program makes the directory where it is missing, so its parent counts.
fn writable(
    host: &Subject,
    check: &'static Check,
    path: &str,
    made: bool,
    (option, user): (&str, &str),
) -> Finding {
    let mend =
        format!("install -d -o {user} -m 750 {path}, or {option}=DIRECTORY that {user} may write");
    let mut at = PathBuf::from(path);
    loop {
        match this_host::directory(&at).may_write(&StoragePath::root()) {
            Ok(Some(true)) => return host.ok(check, format!("'{path}' may be written")),
            Ok(Some(false)) => {
                let seen = format!("'{}' may not be written by '{user}'", at.display());
                return host.graded(check, grade(check), seen, mend);
            }
            Ok(None) if made && at.pop() => {}
            Ok(None) => {
                let seen = format!("'{path}' does not exist");
                return host.graded(check, grade(check), seen, mend);
            }
            Err(error) => return host.not_tested(check, Error::from(error).text()),
        }
    }
}

fn grade(check: &Check) -> Grade {
    if *check == LOG_PATH {
        Grade::Warn
    } else {
        Grade::Fail
    }
}
