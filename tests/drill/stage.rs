//! A cluster with a stanza and backups, and drills of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::archiving;
use pgkeep_testkit::cluster::{Cluster, ClusterBuilder};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::installed;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::TestResult;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Cluster, configuration and program of a test.
pub struct Stage<'a> {
    pub program: &'a Program,
    pub cluster: Cluster,
    pub config: PathBuf,
}

impl<'a> Stage<'a> {
    /// Makes and starts the cluster, and its stanza.
    pub fn new(
        program: &'a Program,
        builder: ClusterBuilder,
        change: impl FnOnce(Configuration) -> Configuration,
    ) -> Result<Self> {
        let (cluster, config) = archiving::start(builder, program.link(), |made, _| {
            change(made.global("repo1-retention-full", 9))
        })?;
        let stage = Self {
            program,
            cluster,
            config,
        };
        stage.run(&["stanza-create"])?;
        Ok(stage)
    }

    pub fn command(&self) -> Command {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        command
    }

    /// Runs a command that must succeed.
    pub fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self.command().args(arguments))?.success()?)
    }

    /// Where its drills work.
    pub fn path(&self) -> PathBuf {
        self.cluster.scratch().join("drill")
    }

    /// A drill.
    pub fn drill_command(&self, arguments: &[&str]) -> Command {
        self.scratch_command(arguments, "drill")
    }

    /// A command that works in the scratch directory.
    pub fn scratch_command(&self, arguments: &[&str], command_name: &str) -> Command {
        self.command_in(&self.path(), arguments, command_name)
    }

    /// The same in this scratch directory.
    pub fn command_in(&self, path: &Path, arguments: &[&str], command_name: &str) -> Command {
        let mut command = self.command();
        self.name_programs(&mut command);
        command
            .arg(format!("--scratch-path={}", path.display()))
            .args(arguments)
            .arg(command_name);
        command
    }

    /// Servers that no package has installed are named, and clients that fit them come first on the search path.
    fn name_programs(&self, command: &mut Command) {
        let major = self.cluster.major();
        let Ok(bin) = installed::server_bin(major) else {
            return;
        };
        if bin.starts_with("/usr") {
            return;
        }
        command.arg(format!("--scratch-pg-bin={}", bin.display()));
        if let Ok(client) = installed::client_for(major, "pg_dump") {
            let mut path = client.parent().unwrap_or(&client).as_os_str().to_owned();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            command.env("PATH", path);
        }
    }

    /// A drill that must end with this code and leave nothing.
    pub fn drill(&self, code: i32, arguments: &[&str]) -> Result<Outcome> {
        let ended = run(&mut self.drill_command(arguments))?.expect_code(code)?;
        self.nothing_is_left()?;
        Ok(ended)
    }

    /// Drops a table behind a restore point, and archives that.
    pub fn before_it_is_dropped(&self, table: &str) -> TestResult {
        self.cluster
            .sql("select pg_create_restore_point('before')")?;
        self.cluster.sql(&format!("drop table {table}"))?;
        self.archive_all()?;
        Ok(())
    }

    /// The dump of a table that was dropped there has this in it.
    pub fn brings_back(&self, table: &str, row: &str, more: &[&str]) -> TestResult {
        let table = format!("--table=postgres.public.{table}");
        let named = [table.as_str(), "--type=name", "--target=before"];
        let arguments = [&named[..], more].concat();
        let mut command = self.scratch_command(&arguments, "restore-table");
        let ended = run(&mut command)?.success()?;
        self.nothing_is_left()?;
        holds(&ended.stdout, &["CREATE TABLE public.", row])
    }

    /// Ends the present segment and waits until it is archived; gives its name.
    pub fn archive_all(&self) -> Result<String> {
        let segment = self
            .cluster
            .sql("select pg_walfile_name(pg_switch_wal())")?;
        let archived =
            format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver");
        self.cluster.wait_for_sql(&archived, "t")?;
        Ok(segment)
    }

    /// No directory, and no process that works in it.
    pub fn nothing_is_left(&self) -> TestResult {
        if self.path().exists() {
            return Err(format!("{} is left", self.path().display()).into());
        }
        match working_in(&self.path()).as_slice() {
            [] => Ok(()),
            left => Err(format!("processes are left: {left:?}").into()),
        }
    }

    /// Names and sizes of the stored WAL: what a server that archives would add to.
    pub fn archived(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut open = vec![self.cluster.scratch().join("repo/archive")];
        while let Some(path) = open.pop() {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => open.push(entry.path()),
                    false => names.push(format!(
                        "{} {}",
                        entry.path().display(),
                        entry.metadata()?.size()
                    )),
                }
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Processes whose working directory is below a path.
pub fn working_in(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|at| at.starts_with(path))
        })
        .map(|entry| entry.path().display().to_string())
        .collect()
}

/// Fails with the text unless it holds all of these.
pub fn holds(text: &str, wanted: &[&str]) -> TestResult {
    match wanted.iter().find(|one| !text.contains(**one)) {
        Some(one) => Err(format!("'{one}' is not in:\n{text}").into()),
        None => Ok(()),
    }
}
