//! A server that enforces policies, one user of it, and a cluster at rest whose repository is in the bucket.

use std::path::PathBuf;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::TestResult;
use serde_json::Value;

use crate::Result;
use crate::policy::Policy;

const USER: &str = "pg-backup";

pub struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    server: ObjectServer,
    options: Vec<(String, String)>,
    config: PathBuf,
}

/// A finding of doctor about rights.
#[derive(Debug)]
pub struct Told {
    pub result: String,
    pub seen: String,
}

impl<'a> Stage<'a> {
    /// The repository is empty, and the program's key may do what the policy says.
    pub fn new(program: &'a Program, policy: &Policy) -> Result<Self> {
        let server = ObjectServer::start(Kind::Moto)?;
        let user = server.add_user(USER, &policy.text())?;
        let own = [("key", user.key), ("key-secret", user.secret)]
            .map(|(name, value)| (format!("repo1-s3-{name}"), value));
        server.enforce(true)?;
        Self::on(program, server, own.to_vec())
    }

    /// The repository is in the bucket of a server, with options of the test's own.
    pub fn on(
        program: &'a Program,
        server: ObjectServer,
        options: Vec<(String, String)>,
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let builder = DataDirBuilder::new("15")?;
        // Of two parts.
        builder
            .clone()
            .relation("base/1/16384", 800)
            .relation("base/1/16385", 3)
            .build(&data)?;
        for (name, segment) in [("SEGMENT", 1), ("OTHER", 2)] {
            let name = name_of(name).unwrap_or_default();
            scratch.write(format!("data/{name}"), builder.wal_segment(segment))?;
        }
        scratch.account().own_tree(&data)?;
        let config = scratch.join("bucket.conf");
        let mut stage = Self {
            program,
            scratch,
            server,
            options: Vec::new(),
            config,
        };
        stage.set(options)?;
        Ok(stage)
    }

    pub fn server(&self) -> &ObjectServer {
        &self.server
    }

    /// From now on these are the options of the test's own.
    pub fn set(&mut self, options: Vec<(String, String)>) -> Result<()> {
        let data = self.scratch.join("data");
        self.options = options;
        let base = Configuration::new(&self.scratch)?
            .bucket(1, &self.server)
            .global("repo1-retention-full", 2)
            .global("compress-type", "none")
            .stanza("main", "pg1-path", data.display());
        let made = self
            .options
            .iter()
            .fold(base, |made, (option, value)| made.global(option, value));
        self.config = made.write(&self.scratch, "bucket.conf")?;
        Ok(())
    }

    /// From now on the key may do what this policy says.
    pub fn allow(&self, policy: &Policy) -> Result<()> {
        self.server.enforce(false)?;
        self.server.set_policy(USER, &policy.text())?;
        self.server.enforce(true)?;
        Ok(())
    }

    /// From now on the bucket keeps versions.
    pub fn keep_versions(&self) -> Result<()> {
        self.server.enforce(false)?;
        let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.server
            .send("PUT", &format!("/{BUCKET}?versioning"), "", on)?;
        self.server.enforce(true)?;
        Ok(())
    }

    /// Runs a command. SEGMENT and OTHER are names of WAL segments, FETCHED is where one is to go.
    pub fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self.program.command().args(self.arguments(arguments)))?)
    }

    /// The same of pgBackRest.
    pub fn theirs(&self, pgbackrest: &PgBackRest, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(pgbackrest.command().args(self.arguments(arguments)))?)
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec![format!("--config={}", self.config.display())];
        if arguments.last() != Some(&"repo-ls") && !arguments.contains(&"repo-get") {
            all.push("--stanza=main".to_owned());
        }
        all.extend(arguments.iter().map(|one| match name_of(one) {
            Some(name) => self.scratch.join("data").join(name).display().to_string(),
            None => (*one).to_owned(),
        }));
        all
    }

    /// Runs a command that must be refused, with an error that says so.
    pub fn refused(&self, arguments: &[&str]) -> TestResult {
        let outcome = self.run(arguments)?;
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        if outcome.code == 0 || !said.contains("403 (Forbidden)") {
            return Err(format!("{arguments:?} was not refused: {said}").into());
        }
        Ok(())
    }

    /// What doctor says of rights.
    pub fn doctor(&self) -> Result<Vec<Told>> {
        let outcome = self.run(&["--output=json", "--log-level-console=off", "doctor"])?;
        let report: Value = serde_json::from_str(&outcome.stdout)
            .map_err(|error| format!("{error}: {}{}", outcome.stdout, outcome.stderr))?;
        let checks = report["check"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told: Vec<Told> = checks
            .iter()
            .filter(|check| check["check"] == "rights")
            .map(|check| Told {
                result: text(&check["result"]),
                seen: text(&check["seen"]),
            })
            .collect();
        if told.is_empty() {
            return Err(format!("doctor says nothing of rights: {}", outcome.stdout).into());
        }
        Ok(told)
    }

    /// Nothing is in the bucket.
    pub fn is_clean(&self) -> TestResult {
        self.server.enforce(false)?;
        for list in ["list-type=2", "uploads"] {
            let found = self.server.ask("GET", &format!("/{BUCKET}?{list}"))?;
            if found.contains("<Key>") {
                return Err(format!("something is left: {found}").into());
            }
        }
        Ok(())
    }
}

fn name_of(argument: &str) -> Option<&'static str> {
    match argument {
        "SEGMENT" => Some("pg_wal/000000010000000000000001"),
        "OTHER" => Some("pg_wal/000000010000000000000002"),
        "FETCHED" => Some("pg_wal/RECOVERYXLOG"),
        _ => None,
    }
}
