//! One life of a repository: stanza, full, differential and incremental backup, verification, two restores.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::error::Error;
use pgkeep_testkit::object_server::ObjectServer;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run as run_command};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::row::{Layout, Place, Row, Who};
use crate::workload;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The programs of a row.
struct Tools<'a> {
    ours: &'a Program,
    stable: PgBackRest,
    newest: Option<PgBackRest>,
}

/// Who serves the repository.
enum Server {
    None,
    Sftp(SftpServer),
    Bucket(ObjectServer),
}

/// Everything a step needs.
struct Life<'a> {
    tools: Tools<'a>,
    row: &'a Row,
    cluster: Cluster,
    config: PathBuf,
}

/// Runs the row from `initdb` to the comparison of the restored cluster.
pub fn run(ours: &Program, row: &Row) -> TestResult {
    let uses_newest = [row.writer, row.continuer, row.restorer].contains(&Who::Newest);
    let newest = if uses_newest {
        Some(PgBackRest::rolling()?)
    } else {
        None
    };
    let tools = Tools {
        ours,
        stable: PgBackRest::mandatory()?,
        newest,
    };
    let cluster = Cluster::builder(row.pg)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    // Outlives every program that is told of it.
    let server = match row.place {
        Place::Sftp => Server::Sftp(SftpServer::builder().start_chrooted_if_possible()?),
        Place::Bucket(kind) => Server::Bucket(ObjectServer::start(kind)?),
        Place::Posix | Place::Cifs => Server::None,
    };
    let config = configuration(row, &cluster, &server)?;
    let life = Life {
        tools,
        row,
        cluster,
        config,
    };

    life.archive_with(row.writer)?;
    life.cluster.start()?;
    life.say(row.writer, &["stanza-create"])?;
    life.say(row.writer, &["check"])?;
    workload::first(&life.cluster, row.tablespace)?;
    life.say(row.writer, &["--type=full", "backup"])?;
    life.verify_with_everyone()?;

    // The other program takes over in the middle of the repository's life.
    life.archive_with(row.continuer)?;
    life.cluster.reload()?;
    workload::second(&life.cluster, row.tablespace)?;
    life.say(row.continuer, &["--type=diff", "backup"])?;
    workload::third(&life.cluster, row.tablespace)?;
    life.say(row.continuer, &["--type=incr", "backup"])?;
    // And the first one goes on after it.
    life.cluster.sql("insert into small_again values (100)")?;
    life.say(row.writer, &["--type=incr", "backup"])?;
    life.verify_with_everyone()?;

    life.compare_running_copy()?;
    life.compare_quiet_copy()
}

impl Life<'_> {
    /// A command line of a program with the row's configuration.
    fn command(&self, who: Who) -> Result<Command> {
        let mut command = match who {
            Who::Ours => self.tools.ours.as_pgbackrest(),
            Who::Stable => self.tools.stable.command(),
            Who::Newest => match &self.tools.newest {
                Some(newest) => newest.command(),
                None => return Err(Error::missing("the newest pgBackRest").into()),
            },
        };
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(command)
    }

    fn say(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        Ok(run_command(self.command(who)?.args(arguments))?.success()?)
    }

    /// The cluster archives through this program from now on (after a start or reload).
    fn archive_with(&self, who: Who) -> TestResult {
        let program: &Path = match who {
            Who::Ours => self.tools.ours.link(),
            Who::Stable => self.tools.stable.path(),
            Who::Newest => self
                .tools
                .newest
                .as_ref()
                .map_or(Path::new(""), PgBackRest::path),
        };
        let command = format!(
            "{} --config={} --stanza=main archive-push \"%p\"",
            program.display(),
            self.config.display()
        );
        Ok(self.cluster.append_setting("archive_command", &command)?)
    }

    /// The programs that read the repository of the row.
    fn everyone(&self) -> Vec<Who> {
        let mut everyone = vec![Who::Ours, Who::Stable];
        if self.tools.newest.is_some() {
            everyone.push(Who::Newest);
        }
        everyone
    }

    /// Each program must find the repository whole.
    fn verify_with_everyone(&self) -> TestResult {
        for who in self.everyone() {
            let verified = self.say(who, &["--output=text", "--verbose", "verify"])?;
            if !verified.stdout.contains("status: ok")
                || verified.stdout.contains("status: invalid")
            {
                return Err(format!("verify by {}:\n{}", who.name(), verified.stdout).into());
            }
        }
        self.told_alike()
    }

    /// Each program must tell the same of the repository.
    fn told_alike(&self) -> TestResult {
        let mut told: Option<String> = None;
        for who in self.everyone() {
            // info of ours and of the newest must say the same; older releases print some sizes differently.
            if who != Who::Stable {
                let info = self.say(who, &["--output=json", "info"])?.stdout;
                if let Some(told) = &told
                    && *told != info
                {
                    return Err(format!("info differs:\n{told}\n{info}").into());
                }
                told = Some(info);
            }
        }
        Ok(())
    }

    /// A copy restored while the source runs on, started: the same rows, no bad page.
    fn compare_running_copy(&self) -> TestResult {
        // Recovery empties unlogged tables, so they are empty in the source as well.
        self.cluster.sql("truncate not_logged")?;
        self.cluster.sql("select pg_switch_wal()")?;
        let expected = without_places(&self.cluster.dump()?);
        let copy = self.restore("running", &["--type=immediate", "--target-action=promote"])?;
        let restored = Cluster::at(self.row.pg, &copy, false)?;
        // The rest of WAL is not replayed with `immediate`, so what was written after the last backup may be missing: there
        // is nothing after it here.
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        let found = without_places(&restored.dump()?);
        // pg_amcheck came with 14.
        if self.row.pg >= 14 {
            restored.check_structures()?;
        }
        restored.stop(StopMode::Fast)?;
        restored.check_pages()?;
        same_text(&expected, &found)
    }

    /// A copy of the stopped source: the same files.
    fn compare_quiet_copy(&self) -> TestResult {
        self.cluster.sql("drop table not_logged")?;
        self.cluster.stop(StopMode::Fast)?;
        self.say(
            self.row.continuer,
            &["--type=incr", "--no-online", "backup"],
        )?;
        let ignore = Ignore::of_restore()
            .path("postgresql.conf")
            .path("pg_tblspc");
        let source = Snapshot::of(self.cluster.data_dir(), &ignore)?;
        let copy = self.restore("quiet", &["--type=none"])?;
        source.must_equal(&Snapshot::of(&copy, &ignore)?)?;
        if self.row.tablespace {
            let of = |place: PathBuf| Snapshot::of(&place, &Ignore::nothing());
            // An offline backup cannot ask for the tablespace's name and calls it by its oid.
            let mapped = std::fs::read_dir(self.cluster.scratch().join("quiet-ts"))?
                .next()
                .ok_or("no tablespace was restored")??;
            of(self.cluster.scratch().join("ts"))?.must_equal(&of(mapped.path())?)?;
        }
        if self.row.delta {
            // Damage in content only, which neither size nor time gives away.
            let victim = copy.join("PG_VERSION");
            std::fs::write(&victim, "99\n")?;
            std::fs::remove_file(copy.join("postgresql.auto.conf"))?;
            self.cluster.scratch().write("quiet/not_ours", "x")?;
            self.restore_into(&copy, "quiet", &["--type=none", "--delta"])?;
            source.must_equal(&Snapshot::of(&copy, &ignore)?)?;
        }
        Ok(())
    }

    /// Restores the latest backup into a new directory and returns it.
    fn restore(&self, name: &str, arguments: &[&str]) -> Result<PathBuf> {
        let copy = self.cluster.scratch().make_dir(name)?;
        self.restore_into(&copy, name, arguments)?;
        Ok(copy)
    }

    fn restore_into(&self, copy: &Path, name: &str, arguments: &[&str]) -> TestResult {
        let mut command = self.command(self.row.restorer)?;
        command
            .arg(format!("--pg1-path={}", copy.display()))
            .args(arguments);
        if self.row.tablespace {
            let place = self.cluster.scratch().join(format!("{name}-ts"));
            command.arg(format!("--tablespace-map-all={}", place.display()));
        }
        run_command(command.arg("restore"))?.success()?;
        Ok(())
    }
}

fn configuration(row: &Row, cluster: &Cluster, server: &Server) -> Result<PathBuf> {
    let scratch = cluster.scratch();
    let mut made = Configuration::new(scratch)?
        .global("repo1-retention-full", 2)
        .global("compress-type", row.compress)
        .global("process-max", row.process_max)
        .cluster("main", cluster);
    match server {
        Server::None => {}
        Server::Sftp(server) => made = made.sftp(server),
        Server::Bucket(server) => made = made.bucket(1, server),
    }
    if row.place == Place::Cifs {
        made = made.global("repo1-type", "cifs");
    }
    if row.cipher {
        made = made
            .global("repo1-cipher-type", "aes-256-cbc")
            .global("repo1-cipher-pass", "a pass of the interop suite");
    }
    if row.delta {
        made = made.global("delta", "y");
    }
    // Restores name delta themselves.
    made = made.stanza("main:restore", "delta", "n");
    match row.layout {
        Layout::Plain => {}
        Layout::Hardlink => made = made.global("repo1-hardlink", "y"),
        Layout::Bundle => made = made.global("repo1-bundle", "y"),
        Layout::Block => made = made.global("repo1-bundle", "y").global("repo1-block", "y"),
    }
    Ok(made.write(scratch, "pgbackrest.conf")?)
}

/// A dump without the locations of tablespaces, which a restore maps elsewhere.
fn without_places(dump: &str) -> String {
    let kept: Vec<&str> = dump
        .lines()
        .filter(|line| !line.starts_with("CREATE TABLESPACE "))
        .collect();
    kept.join("\n")
}

fn same_text(expected: &str, found: &str) -> TestResult {
    if expected == found {
        return Ok(());
    }
    let first = expected
        .lines()
        .zip(found.lines())
        .find(|(left, right)| left != right);
    Err(format!(
        "dumps differ, first at {first:?}; {} and {} lines",
        expected.lines().count(),
        found.lines().count()
    )
    .into())
}
