//! Decides which configuration files are read, and reads them.
//!
//! Those of pgBackRest, and for pgkeep its own in front of them. What is in them is read by `ini`. Invariant: a file that was asked for
//! must exist; a file that is only looked for by default may be missing, but not unreadable.

use std::io;

use super::Said;
use super::ini::Ini;
use super::search::{DefaultFiles, PGBACKREST_FILES, PGBACKREST_OLD_FILE, PGKEEP_FILES, Searched};
use crate::advice::{access, places};
use crate::define::option::{CONFIG, CONFIG_INCLUDE_PATH, CONFIG_PATH, OptionDef};
use crate::error::{
    ConfigError, FILE_MISSING, FILE_OPEN, FILE_READ, PATH_MISSING, PATH_OPEN, Result,
};
use crate::input::{ConfigFiles, Program};

/// What the files say.
pub(crate) struct Loaded {
    /// Nothing if no file was there.
    pub(crate) ini: Option<Ini>,
    /// What was searched for.
    pub(crate) searched: Vec<Searched>,
    /// The defaults that apply to this run.
    pub(crate) defaults: DefaultFiles,
}

/// Reads the files that the command line and the environment ask for.
///
/// # Errors
/// 55/73 for a missing required file or directory, 41/42/53 for an unreadable one, 29 for bad lines.
pub(crate) fn load(
    files: &dyn ConfigFiles,
    program: Program,
    said: &Said,
    warnings: &mut Vec<String>,
) -> Result<Loaded> {
    let config = said.get(CONFIG, 0);
    let given = |option| {
        said.get(option, 0)
            .and_then(|value| value.values.first())
            .map(String::as_str)
    };
    let (file, path, include) = (
        given(CONFIG),
        given(CONFIG_PATH),
        given(CONFIG_INCLUDE_PATH),
    );
    let defaults = default_files(files, program, path);

    let mut load = Load {
        files,
        program,
        ini: None,
        searched: Vec::new(),
    };
    let use_main = config.is_none_or(|value| !value.negate);
    // `--config` and `--no-config` alone also switch the include directory off.
    let use_include = config.is_none() || path.is_some() || include.is_some();

    if use_main {
        match (file, path) {
            (Some(file), _) => load
                .required(&absolute(file))
                .map_err(|error| asked_for(files, program, said, CONFIG, error))?,
            (None, Some(path)) => {
                let own = program == Program::PgKeep
                    && load.optional(&absolute(&format!("{path}/{}", PGKEEP_FILES.name)))?;
                if !own {
                    load.optional(&absolute(&format!("{path}/{}", PGBACKREST_FILES.name)))?;
                }
            }
            (None, None) => load.default_main(defaults, warnings)?,
        }
    }
    if use_include {
        match (include, path) {
            (Some(include), _) => load
                .directory(&absolute(include), true)
                .map_err(|error| asked_for(files, program, said, CONFIG_INCLUDE_PATH, error))?,
            (None, Some(path)) => load.directory(&absolute(&format!("{path}/conf.d")), false)?,
            (None, None) => load.directory(defaults.include, false)?,
        }
    }
    if use_main && use_include && (file, path, include) == (None, None, None) {
        load.note_other_places(defaults);
    }
    Ok(Loaded {
        ini: load.ini,
        searched: load.searched,
        defaults,
    })
}

/// Says of a place that was asked for and is missing who asked, and where it was looked for.
fn asked_for(
    files: &dyn ConfigFiles,
    program: Program,
    said: &Said,
    option: &'static OptionDef,
    error: ConfigError,
) -> ConfigError {
    if !matches!(error.code, FILE_MISSING | PATH_MISSING) {
        return error;
    }
    let here = files.working_directory();
    error.advise(program, places::asked_for(said, option, here.as_deref()))
}

/// The places of this program: pgkeep's own if there is anything in them, or if there is nothing anywhere.
fn default_files(files: &dyn ConfigFiles, program: Program, path: Option<&str>) -> DefaultFiles {
    let own = program == Program::PgKeep
        && (path.is_some()
            || holds_files(files, PGKEEP_FILES)
            || !(holds_files(files, PGBACKREST_FILES) || is_there(files, PGBACKREST_OLD_FILE)));
    if own { PGKEEP_FILES } else { PGBACKREST_FILES }
}

/// Whether the main file or a file to include is there.
fn holds_files(files: &dyn ConfigFiles, places: DefaultFiles) -> bool {
    is_there(files, places.config)
        || list(files, places.include, false)
            .map_or(true, |names| names.is_some_and(|names| !names.is_empty()))
}

/// Whether a file is there; an unreadable one is, and is reported when it is read.
fn is_there(files: &dyn ConfigFiles, path: &str) -> bool {
    read(files, path).map_or(true, |content| content.is_some())
}

/// Collects the files that are there.
struct Load<'a> {
    files: &'a dyn ConfigFiles,
    program: Program,
    ini: Option<Ini>,
    searched: Vec<Searched>,
}

impl Load<'_> {
    /// Reads the default main file, or the one at pgBackRest's old place.
    fn default_main(&mut self, defaults: DefaultFiles, warnings: &mut Vec<String>) -> Result<()> {
        let found = self.optional(defaults.config)?;
        if defaults == PGBACKREST_FILES {
            if !found {
                self.optional(PGBACKREST_OLD_FILE)?;
            }
        } else {
            let used = if found {
                defaults.config
            } else {
                defaults.include
            };
            let ignored = [PGBACKREST_FILES.config, PGBACKREST_OLD_FILE]
                .into_iter()
                .find(|other| is_there(self.files, other));
            if let Some(ignored) = ignored {
                warnings.push(format!(
                    "configuration file '{used}' is used, '{ignored}' is ignored"
                ));
            }
        }
        Ok(())
    }

    /// Reads a file that was asked for.
    fn required(&mut self, path: &str) -> Result<()> {
        if self.optional(path)? {
            return Ok(());
        }
        Err(ConfigError::new(
            FILE_MISSING,
            format!("unable to open missing file '{path}' for read"),
        ))
    }

    /// Reads a file if it is there; says whether it was.
    fn optional(&mut self, path: &str) -> Result<bool> {
        let content = read(self.files, path).map_err(|(error, cause)| {
            error.advise(self.program, access::denied(self.files, path, &cause))
        })?;
        self.searched.push(Searched {
            path: path.to_owned(),
            found: content.is_some(),
        });
        let Some(content) = content else {
            return Ok(false);
        };
        self.ini
            .get_or_insert_with(Ini::default)
            .add(path, &content)
            .map_err(|error| error.advise(self.program, [places::of_line(path, &content)]))?;
        Ok(true)
    }

    /// pgkeep takes its own places if there is nothing in pgBackRest's either, so it has looked there, too.
    fn note_other_places(&mut self, defaults: DefaultFiles) {
        if self.program != Program::PgKeep || defaults != PGKEEP_FILES || self.ini.is_some() {
            return;
        }
        let others = [
            PGBACKREST_FILES.config.to_owned(),
            included(PGBACKREST_FILES.include),
            PGBACKREST_OLD_FILE.to_owned(),
        ];
        let missing = |path| Searched { path, found: false };
        self.searched.extend(others.into_iter().map(missing));
    }

    /// Reads the `*.conf` files of a directory in the order of their names.
    fn directory(&mut self, path: &str, required: bool) -> Result<()> {
        let names = list(self.files, path, required)
            .map_err(|(error, cause)| {
                error.advise(self.program, access::denied(self.files, path, &cause))
            })?
            .unwrap_or_default();
        if names.is_empty() {
            self.searched.push(Searched {
                path: included(path),
                found: false,
            });
        }
        for name in names {
            self.optional(&format!("{path}/{name}"))?;
        }
        Ok(())
    }
}

/// The files of a directory that are read.
fn included(path: &str) -> String {
    format!("{path}/*.conf")
}

/// pgBackRest resolves relative names against the root, not the working directory.
fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// Nothing if it is missing; an error with its cause.
type Asked<T> = std::result::Result<Option<T>, (ConfigError, io::Error)>;

/// Content of a file; nothing if it is missing.
fn read(files: &dyn ConfigFiles, path: &str) -> Asked<Vec<u8>> {
    let error = match files.read(path) {
        Ok(content) => return Ok(Some(content)),
        Err(error) => error,
    };
    let told = match error.kind() {
        io::ErrorKind::NotFound => return Ok(None),
        io::ErrorKind::IsADirectory => ConfigError::new(
            FILE_READ,
            format!("unable to read '{path}': {}", cause(&error)),
        ),
        _ => ConfigError::new(
            FILE_OPEN,
            format!("unable to open file '{path}' for read: {}", cause(&error)),
        ),
    };
    Err((told, error))
}

/// Names of the files to include, sorted; nothing if the directory is missing and need not exist.
fn list(files: &dyn ConfigFiles, path: &str, required: bool) -> Asked<Vec<String>> {
    let error = match files.list(path) {
        Ok(mut names) => {
            // `.+\.conf$`: at least one character before the ending.
            names.retain(|name| name.ends_with(".conf") && name != ".conf");
            names.sort_unstable();
            return Ok(Some(names));
        }
        Err(error) => error,
    };
    let told = match error.kind() {
        io::ErrorKind::NotFound if !required => return Ok(None),
        io::ErrorKind::NotFound => ConfigError::new(
            PATH_MISSING,
            format!("unable to list file info for missing path '{path}'"),
        ),
        _ => ConfigError::new(
            PATH_OPEN,
            format!(
                "unable to list file info for path '{path}': {}",
                cause(&error)
            ),
        ),
    };
    Err((told, error))
}

/// Number and text of a system error, as pgBackRest shows them.
fn cause(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("[{number}] {text}")
        }
        None => error.to_string(),
    }
}
