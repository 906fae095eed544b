//! A stanza of a made-up cluster with a full and a differential backup and some WAL, in an encrypted repository, and another stanza
//! that is not there yet.

use std::path::PathBuf;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::scratch::Scratch;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The repository and who works on it.
pub struct Stage<'a> {
    pub scratch: Scratch,
    program: &'a Program,
    pub config: PathBuf,
}

impl<'a> Stage<'a> {
    pub fn new(program: &'a Program) -> Result<Self> {
        Self::with(program, |made| made)
    }

    /// With another configuration of the repository.
    pub fn with(
        program: &'a Program,
        change: impl FnOnce(Configuration) -> Configuration,
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let made = Configuration::new(&scratch)?
            .global("repo1-retention-full", 1)
            .global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "not a secret")
            .global("log-level-file", "off");
        let config = change(made)
            .stanza("main", "pg1-path", data.display())
            .stanza("web", "pg1-path", "/nowhere")
            .write(&scratch, "test.conf")?;
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 4)
            .relation("global/1262", 1)
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let stage = Self {
            scratch,
            program,
            config,
        };
        stage.of_main(&["--no-online", "stanza-create"])?;
        stage.of_main(&["--no-online", "--type=full", "backup"])?;
        let more = stage.scratch.write("data/base/1/16385", [0; 8192])?;
        stage.scratch.account().own(&more)?;
        let note = "--annotation=why=<script>alert(1)</script>";
        stage.of_main(&["--no-online", "--type=diff", note, "backup"])?;
        Ok(stage)
    }

    /// A command for the stanza; it must succeed.
    pub fn of_main(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self
            .run(&[&["--stanza=main"], arguments].concat())?
            .success()?)
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(self.program.run([&[config.as_str()], arguments].concat())?)
    }

    /// What `report` prints with these options.
    pub fn report(&self, options: &[&str]) -> Result<String> {
        Ok(self
            .run(&[options, &["report"]].concat())?
            .success()?
            .stdout)
    }

    /// Labels of the backups as `info` tells them, wherever the repository is.
    pub fn told_labels(&self) -> Result<Vec<String>> {
        let said = self.of_main(&["--output=json", "info"])?.stdout;
        let info: serde_json::Value = serde_json::from_str(&said)?;
        let sets = info[0]["backup"].as_array().ok_or("no backups")?;
        let labels = sets.iter().filter_map(|set| set["label"].as_str());
        Ok(labels.map(str::to_owned).collect())
    }

    /// Labels of the backups in the repository here, ascending.
    pub fn labels(&self) -> Result<Vec<String>> {
        let mut labels = Vec::new();
        for entry in std::fs::read_dir(self.scratch.join("repo/backup/main"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("20") {
                labels.push(name);
            }
        }
        labels.sort();
        Ok(labels)
    }
}

/// An error with the page unless it has this part.
pub fn has(page: &str, part: &str) -> Result<()> {
    if page.contains(part) {
        return Ok(());
    }
    Err(format!("'{part}' is not in\n{page}").into())
}
