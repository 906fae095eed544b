//! For tests of this crate: a made-up host with configuration files, environment and user.

use std::collections::BTreeMap;
use std::io;

use crate::{ConfigError, ConfigFiles, Input, Loaded, Program, load};

/// Files by absolute path.
#[derive(Clone, Default)]
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl ConfigFiles for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if path == "/denied" {
            return Err(io::Error::from_raw_os_error(13));
        }
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{path}/");
        let names: Vec<String> = self
            .0
            .keys()
            .filter_map(|known| known.strip_prefix(&prefix))
            .map(str::to_owned)
            .rev()
            .collect();
        if names.is_empty() {
            return Err(io::Error::from_raw_os_error(2));
        }
        Ok(names)
    }

    fn home(&self) -> Option<String> {
        None
    }
}

/// A host on which the program is started.
pub(crate) struct Host {
    pub(crate) program: Program,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) files: Files,
    pub(crate) uid: u32,
}

impl Host {
    /// As pgBackRest, without files and environment.
    pub(crate) fn pgbackrest() -> Self {
        Host {
            program: Program::PgBackRest,
            environment: Vec::new(),
            files: Files::default(),
            uid: 100,
        }
    }

    /// As ourselves, without files and environment.
    pub(crate) fn ours() -> Self {
        Host {
            program: Program::PgKeep,
            ..Host::pgbackrest()
        }
    }

    /// The same host again.
    pub(crate) fn copy(&self) -> Self {
        Host {
            program: self.program,
            environment: self.environment.clone(),
            files: self.files.clone(),
            uid: self.uid,
        }
    }

    /// With a file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.0.insert(path.to_owned(), text.into());
        self
    }

    /// With pgBackRest's main file.
    pub(crate) fn config(self, text: &str) -> Self {
        self.file("/etc/pgbackrest/pgbackrest.conf", text)
    }

    /// With an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the program with words separated by spaces.
    pub(crate) fn load(&self, words: &str) -> Result<Loaded, ConfigError> {
        self.load_words(words.split_whitespace())
    }

    /// Starts the program.
    pub(crate) fn load_words<'a>(
        &self,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Result<Loaded, ConfigError> {
        let program = format!("/usr/bin/{}", self.program.binary());
        load(&Input {
            program: self.program,
            args: std::iter::once(program)
                .chain(words.into_iter().map(str::to_owned))
                .collect(),
            environment: self.environment.clone(),
            files: &self.files,
            uid: self.uid,
            exec_id: "1-a".to_owned(),
        })
    }

    /// Starts and applies the rules that follow; warnings of both.
    pub(crate) fn check(&self, words: &str) -> Result<Loaded, ConfigError> {
        let loaded = self.load(words)?;
        let mut warnings = loaded.warnings;
        let checked = loaded.config.check()?;
        warnings.extend(checked.warnings);
        Ok(Loaded {
            config: checked.config,
            warnings,
        })
    }
}

/// Code and message with hints.
pub(crate) fn fault<T>(result: Result<T, ConfigError>) -> (u8, String) {
    match result {
        Ok(_) => (0, String::new()),
        Err(error) => (error.code, error.to_string()),
    }
}
