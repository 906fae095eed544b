//! Real PostgreSQL clusters: made, started, queried, stopped, copied.
//!
//! A cluster listens on a unix socket in its own scratch directory only, so ports need not be free. It is stopped when
//! dropped. `initdb` runs once for each version and set of options (see `template`), so clusters made from the same
//! options share one system identifier unless `own_system_id` is asked for.

mod builder;
mod load;
mod standby;
mod template;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use builder::ClusterBuilder;
pub use load::Load;

use crate::account::Account;
use crate::error::{During, Error, Result};
use crate::installed;
use crate::run::run;
use crate::scratch::Scratch;

/// How a server is told to stop (`pg_ctl -m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits for clients.
    Smart,
    /// Disconnects clients, writes a shutdown checkpoint.
    Fast,
    /// Like a crash: the next start recovers.
    Immediate,
}

/// One cluster with its own socket directory; its server is stopped when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    major: u32,
    bin: PathBuf,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    log: PathBuf,
    scratch: Scratch,
}

impl Cluster {
    /// Describes a new cluster of a PostgreSQL major (12 to 18).
    pub fn builder(major: u32) -> ClusterBuilder {
        ClusterBuilder {
            major,
            wal_segment_mib: 1,
            data_checksums: true,
            own_system_id: false,
            settings: Vec::new(),
        }
    }

    /// A cluster over an existing data directory, for instance a restored one, with a socket directory of its own.
    /// Archiving is switched off unless `keep_archiving`. The data directory is not removed when this is dropped.
    pub fn at(major: u32, data_dir: impl Into<PathBuf>, keep_archiving: bool) -> Result<Self> {
        let cluster = Self::assemble(
            major,
            installed::server_bin(major)?,
            Scratch::new()?,
            data_dir.into(),
        )?;
        if !keep_archiving {
            cluster.append_setting("archive_mode", "off")?;
        }
        Ok(cluster)
    }

    fn assemble(major: u32, bin: PathBuf, scratch: Scratch, data_dir: PathBuf) -> Result<Self> {
        let socket_dir = scratch.make_dir("s")?;
        let log = scratch.join("server.log");
        let cluster = Self {
            major,
            bin,
            data_dir,
            socket_dir,
            log,
            scratch,
        };
        cluster.append_setting("listen_addresses", "")?;
        cluster.append_setting(
            "unix_socket_directories",
            &cluster.socket_dir.display().to_string(),
        )?;
        cluster.append_setting("port", "5432")?;
        Ok(cluster)
    }

    /// PostgreSQL major.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// PGDATA.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Directory of the unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Port, which names the socket.
    pub fn port(&self) -> u16 {
        5432
    }

    /// The account that owns files and server.
    pub fn account(&self) -> &Account {
        self.scratch.account()
    }

    /// The scratch directory of this cluster, for files that shall vanish with it.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// What the server logged so far.
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Appends a line to `postgresql.conf`; the last one of a name counts.
    pub fn append_setting(&self, name: &str, value: &str) -> Result<()> {
        let path = self.data_dir.join("postgresql.conf");
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .during(format!("open {}", path.display()))?;
        let text = value.replace('\\', "\\\\").replace('\'', "''");
        writeln!(file, "{name} = '{text}'").during(format!("write {}", path.display()))
    }

    /// Starts the server and waits until it accepts connections (or is a standby that does).
    pub fn start(&self) -> Result<()> {
        let outcome = run(self
            .account()
            .command(self.bin.join("pg_ctl"))
            .args(["-w", "-s", "-t", "120", "start"])
            // In place of -D, which pg_ctl hands to a shell without quoting it.
            .env("PGDATA", &self.data_dir)
            .arg("-l")
            .arg(&self.log))?;
        if outcome.code == 0 {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "PostgreSQL {} did not start:\n{}{}",
            self.major,
            outcome.stderr,
            self.log_text()
        )))
    }

    /// Stops the server and waits until it has ended; no error if it does not run.
    pub fn stop(&self, mode: StopMode) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        let mode = match mode {
            StopMode::Smart => "smart",
            StopMode::Fast => "fast",
            StopMode::Immediate => "immediate",
        };
        run(self
            .account()
            .command(self.bin.join("pg_ctl"))
            .args(["-w", "-s", "-t", "120", "stop", "-m", mode])
            .env("PGDATA", &self.data_dir))?
        .success()
        .map(drop)
    }

    /// Reloads the configuration files.
    pub fn reload(&self) -> Result<()> {
        self.sql("select pg_reload_conf()").map(drop)
    }

    /// True while the postmaster that `postmaster.pid` names is alive.
    pub fn is_running(&self) -> bool {
        fs::read_to_string(self.data_dir.join("postmaster.pid"))
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse::<u32>().ok())
            .is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
    }

    /// A client program of the right version, with host, port and user set.
    pub fn client(&self, program: &str) -> Result<Command> {
        let mut command = self
            .account()
            .command(installed::client_for(self.major, program)?);
        command
            .env("PGHOST", &self.socket_dir)
            .env("PGPORT", self.port().to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres");
        Ok(command)
    }

    /// Runs SQL in database `postgres`; the answer is rows of unaligned columns, without the last line end.
    pub fn sql(&self, sql: &str) -> Result<String> {
        self.sql_in("postgres", sql)
    }

    /// Runs SQL in a database. Several statements are one transaction each.
    pub fn sql_in(&self, database: &str, sql: &str) -> Result<String> {
        let script = self.scratch.write("query.sql", sql)?;
        let outcome = run(self
            .client("psql")?
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                database,
                "-f",
            ])
            .arg(script))?
        .success()?;
        Ok(outcome.stdout.trim_end_matches('\n').to_owned())
    }

    /// Waits until SQL answers `expected`, at most five minutes or so: a machine may be busy, and its disk slow.
    pub fn wait_for_sql(&self, sql: &str, expected: &str) -> Result<()> {
        let mut last = String::new();
        for _ in 0..3000 {
            last = self.sql(sql).unwrap_or_else(|error| error.to_string());
            if last == expected {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err(Error::Failed(format!(
            "{sql} did not become {expected:?}, it is {last:?}"
        )))
    }

    /// Copies the data directory of a stopped server with modes and times.
    pub fn copy_data(&self, destination: &Path) -> Result<()> {
        run(self
            .account()
            .command("cp")
            .args(["-a", "--reflink=auto"])
            .arg(&self.data_dir)
            .arg(destination))?
        .success()
        .map(drop)
    }

    /// All databases as SQL text (`pg_dumpall`), to compare two clusters row by row.
    pub fn dump(&self) -> Result<String> {
        let outcome = run(&mut self.client("pg_dumpall")?)?.success()?;
        // Newest releases put a random key around the dump.
        let kept = outcome
            .stdout
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        Ok(kept.collect::<Vec<_>>().join("\n"))
    }

    /// Checks all page checksums of the stopped cluster: Debian's `pg_checksums` where there is one of this major,
    /// else the test kit's own reader.
    pub fn check_pages(&self) -> Result<()> {
        let Ok(program) = installed::client(self.major, "pg_checksums") else {
            return crate::page_check::check(&self.data_dir).map(drop);
        };
        run(self
            .account()
            .command(program)
            .arg("--check")
            .arg("-D")
            .arg(&self.data_dir))?
        .success()
        .map(drop)
    }

    /// Checks heaps and indexes of all databases of the running cluster with `pg_amcheck`, from major 14 on.
    pub fn check_structures(&self) -> Result<()> {
        let program = installed::client(self.major, "pg_amcheck")?;
        run(self
            .account()
            .command(program)
            .args([
                "--all",
                "--install-missing",
                "--heapallindexed",
                "-U",
                "postgres",
                "-p",
                "5432",
                "-h",
            ])
            .arg(&self.socket_dir))?
        .success()
        .map(drop)
    }
}

impl ClusterBuilder {
    /// Makes the cluster's files; the server is not started.
    pub fn create(self) -> Result<Cluster> {
        let bin = installed::server_bin(self.major)?;
        let scratch = Scratch::new()?;
        let data_dir = scratch.join("data");
        template::provide(&self, &bin, &data_dir, scratch.account())?;
        let cluster = Cluster::assemble(self.major, bin, scratch, data_dir)?;
        cluster.append_setting("fsync", "off")?;
        cluster.append_setting("max_wal_senders", "3")?;
        cluster.append_setting("shared_buffers", "16MB")?;
        cluster.append_setting("autovacuum", "off")?;
        for (name, value) in &self.settings {
            cluster.append_setting(name, value)?;
        }
        Ok(cluster)
    }

    /// Makes the cluster and starts its server.
    pub fn start(self) -> Result<Cluster> {
        let cluster = self.create()?;
        cluster.start()?;
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing that shall last is in it, so a crash-like stop is enough.
        if let Err(error) = self.stop(StopMode::Immediate) {
            eprintln!("{error}");
        }
    }
}
