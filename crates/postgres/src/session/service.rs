//! The service file of libpq, `pg_service.conf`: connection settings under a name.
//!
//! The user's file is searched first, then the system's. Settings the caller gave are not replaced.

// The place the architecture names for reading a file outside storage
#![allow(clippy::disallowed_methods)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::LibpqEnvironment;
use crate::error::{Error, ErrorKind, Result};

/// Where the distribution keeps the system-wide service file.
const SYSTEM_DIR: &str = "/etc/postgresql-common";
const SYSTEM_FILE: &str = "pg_service.conf";
const USER_FILE: &str = ".pg_service.conf";

/// The settings of the service the environment names; none if it names none.
pub(super) fn load(
    environment: &LibpqEnvironment,
    home: Option<&Path>,
) -> Result<HashMap<String, String>> {
    let Some(service) = &environment.service else {
        return Ok(HashMap::new());
    };
    let user_file = environment
        .servicefile
        .clone()
        .or_else(|| home.map(|home| home.join(USER_FILE)));
    let system_dir = environment
        .sysconfdir
        .clone()
        .unwrap_or_else(|| PathBuf::from(SYSTEM_DIR));
    for path in user_file.into_iter().chain([system_dir.join(SYSTEM_FILE)]) {
        let Ok(text) = fs::read(&path) else {
            // Only a file that was asked for must be there
            if environment.servicefile.as_ref() == Some(&path) {
                return Err(config_error(format!(
                    "service file \"{}\" not found",
                    path.display()
                )));
            }
            continue;
        };
        if let Some(settings) = find(&String::from_utf8_lossy(&text), service, &path)? {
            return Ok(settings);
        }
    }
    Err(config_error(format!(
        "definition of service \"{service}\" not found"
    )))
}

fn config_error(message: String) -> Error {
    Error::new(ErrorKind::Connect, message)
}

fn find(text: &str, service: &str, path: &Path) -> Result<Option<HashMap<String, String>>> {
    let mut found: Option<HashMap<String, String>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.strip_suffix(']') == Some(service) {
                found = Some(HashMap::new());
            }
            continue;
        }
        let Some(settings) = &mut found else { continue };
        let (key, value) = line.split_once('=').ok_or_else(|| {
            config_error(format!(
                "syntax error in service file \"{}\", line {number}",
                path.display()
            ))
        })?;
        if key == "service" {
            return Err(config_error(format!(
                "nested service specifications not supported in service file \"{}\", line {number}",
                path.display()
            )));
        }
        // The first of two equal keys counts
        settings
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# services\nport=1\n[one]\nhost=/run/one\nuser=a\n\n[two]\n user=b \nuser=c\npassword=x=y\n[three]\nbroken\n";

    fn environment(service: &str, file: PathBuf) -> LibpqEnvironment {
        LibpqEnvironment {
            service: Some(service.to_owned()),
            servicefile: Some(file),
            ..Default::default()
        }
    }

    #[test]
    fn service_gives_its_own_settings_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("services");
        fs::write(&file, TEXT).unwrap();
        let settings = load(&environment("two", file.clone()), None).unwrap();
        assert_eq!(settings.len(), 2);
        assert_eq!(
            (settings["user"].as_str(), settings["password"].as_str()),
            ("b", "x=y")
        );

        let error = load(&environment("three", file.clone()), None).unwrap_err();
        assert_eq!(
            error.message(),
            format!(
                "syntax error in service file \"{}\", line 12",
                file.display()
            )
        );
        let error = load(&environment("four", file), None).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (
                ErrorKind::Connect,
                "definition of service \"four\" not found"
            )
        );
    }

    #[test]
    fn user_file_is_searched_before_the_system_file() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(USER_FILE), "[one]\nuser=home\n").unwrap();
        fs::write(
            directory.path().join(SYSTEM_FILE),
            "[one]\nuser=system\n[other]\nuser=other\n",
        )
        .unwrap();
        let load = |service: &str| {
            let environment = LibpqEnvironment {
                service: Some(service.to_owned()),
                sysconfdir: Some(directory.path().to_owned()),
                ..Default::default()
            };
            load(&environment, Some(directory.path())).unwrap()["user"].clone()
        };
        assert_eq!(load("one"), "home");
        assert_eq!(load("other"), "other");
    }

    #[test]
    fn no_service_means_no_settings() {
        assert!(load(&LibpqEnvironment::default(), None).unwrap().is_empty());
    }

    #[test]
    fn named_service_file_must_exist() {
        let error = load(
            &environment("one", PathBuf::from("/nowhere/services")),
            None,
        )
        .unwrap_err();
        assert_eq!(
            error.message(),
            "service file \"/nowhere/services\" not found"
        );
    }
}
