//! What pgBackRest itself tests of several hosts: a cluster, a standby made of a backup, a repository on a host of its own or on
//! that of the standby, over SSH and TLS, with and without a cipher, by several majors; and pgBackRest reads every repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use crate::Result;
use crate::draw::{Draw, full};
use crate::machine::{Host, Machines, Way};
use crate::recovery;

const MAJORS: [u32; 4] = [12, 15, 17, 18];

/// A row of the array.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub major: u32,
    way: Way,
    /// Where the repository is.
    at: Host,
    cipher: bool,
}

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let rows = rows();
    println!("hosts, array: seed {}, {} of 32 rows", seed(), rows.len());
    for row in rows {
        let program = Arc::clone(program);
        let name = format!(
            "pg{}_lives_on_hosts_connected_by_{}_with_a_repository{}_on_{}_host",
            row.major,
            row.way.name(),
            if row.cipher { "_that_is_encrypted" } else { "" },
            match row.at {
                Host::Repo => "its_own",
                _ => "the_standbys",
            }
        );
        suite = suite.test(name, move || live(&program, row));
    }
    suite
}

/// All, or as few as have every major once and every pair of the other choices.
fn rows() -> Vec<Row> {
    let row = |major: usize, bits: u64| Row {
        major: MAJORS[major],
        way: [Way::Ssh, Way::Tls][(bits & 1) as usize],
        at: [Host::Repo, Host::Pg2][(bits >> 1 & 1) as usize],
        cipher: bits >> 2 & 1 == 1,
    };
    if full() {
        return (0..4)
            .flat_map(|major| (0..8).map(move |bits| row(major, bits)))
            .collect();
    }
    let mut draw = Draw::of("array");
    let (turned, first) = (draw.below(8), draw.below(4) as usize);
    // An even number of ones: each pair of bits has all four values. That holds whichever bits are turned.
    [0b000, 0b011, 0b101, 0b110]
        .iter()
        .enumerate()
        .map(|(at, bits)| row((first + at) % 4, bits ^ turned))
        .collect()
}

/// Hosts with what is on them.
pub struct Array<'a> {
    pub row: Row,
    pub machines: Machines<'a>,
    pub primary: Cluster,
    /// What restores can come back to.
    pub points: recovery::Points,
}

impl<'a> Array<'a> {
    fn new(program: &'a Program, row: Row) -> Result<Self> {
        let hosts = match row.at {
            Host::Repo => &[Host::Pg1, Host::Pg2, Host::Repo][..],
            _ => &[Host::Pg1, Host::Pg2],
        };
        let mut machines = Machines::new(program, row.way, hosts)?;
        let primary = Cluster::builder(row.major)
            .setting("archive_mode", "on")
            .setting("archive_command", push(&machines, Host::Pg1))
            .create()?;
        for host in hosts {
            machines.put(*host, "archive-timeout", "60");
            machines.put(*host, "compress-type", "lz4");
            machines.put(*host, "repo1-bundle", "y");
            machines.put(*host, "start-fast", "y");
            machines.put(*host, "process-max", "2");
        }
        let path = machines
            .scratch
            .make_dir(format!("{}/repo", row.at.name()))?;
        machines.put(row.at, "repo1-path", &path.display().to_string());
        machines.put(row.at, "repo1-retention-full", "9");
        if row.cipher {
            machines.put(row.at, "repo1-cipher-type", "aes-256-cbc");
            machines.put(row.at, "repo1-cipher-pass", "hush hush");
        }
        machines.describe(Host::Pg1, 1, &primary);
        machines.connect(Host::Pg1, "repo1", row.at)?;
        let data = machines.scratch.join("pg2/data").display().to_string();
        machines.put(Host::Pg2, "pg1-path", &data);
        // On a host with a cluster of its own that is the first one.
        let key = match row.at {
            Host::Repo => 1,
            _ => 2,
        };
        machines.describe(row.at, key, &primary);
        machines.connect(row.at, &format!("pg{key}"), Host::Pg1)?;
        if row.at == Host::Repo {
            machines.connect(Host::Pg2, "repo1", Host::Repo)?;
        }
        machines.write()?;
        machines.serve()?;
        primary.start()?;
        Ok(Self {
            row,
            machines,
            primary,
            points: recovery::Points::default(),
        })
    }

    pub fn outcome(&self, host: Host, words: &[&str]) -> Result<Outcome> {
        let mut command = self.machines.program.as_pgbackrest();
        command
            .arg(format!("--config={}", self.machines.config(host).display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(words);
        Ok(run(&mut command)?)
    }

    pub fn must(&self, host: Host, words: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(host, words)?.success()?)
    }

    pub fn fails(&self, host: Host, words: &[&str], code: i32) -> Result<Outcome> {
        Ok(self.outcome(host, words)?.expect_code(code)?)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.machines.scratch.join(name)
    }

    fn backups(&self, host: Host) -> Result<usize> {
        let told = self.must(host, &["info"])?.stdout;
        Ok(told.matches(" backup: ").count())
    }

    /// Ends the segment of the primary and waits until it is archived.
    pub fn archive(&self) -> Result<()> {
        let segment = self.primary.sql(
            "insert into steps values ('switched'); select pg_walfile_name(pg_switch_wal())",
        )?;
        Ok(self.primary.wait_for_sql(
            &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
            "t",
        )?)
    }

    /// Makes a standby on its host of the last backup, and starts it.
    fn standby(&self, more: &[&str]) -> Result<Cluster> {
        let space = format!("--tablespace-map=ts={}", self.path("pg2/ts").display());
        let from = format!(
            "--recovery-option=primary_conninfo={}",
            self.primary.conninfo()
        );
        let words = ["--type=standby", &space, &from];
        self.must(Host::Pg2, &[&words, more, &["restore"]].concat())?;
        let standby = Cluster::at(self.row.major, self.path("pg2/data"), true)?;
        standby.append_setting("archive_command", &push(&self.machines, Host::Pg2))?;
        standby.start()?;
        self.primary.wait_for_sql(
            "select count(*) from pg_stat_replication where state = 'streaming'",
            "1",
        )?;
        Ok(standby)
    }

    /// From now on commands know the standby.
    fn introduce(&mut self, standby: &Cluster) -> Result<()> {
        let machines = &mut self.machines;
        machines.describe(Host::Pg2, 1, standby);
        if self.row.at == Host::Repo {
            machines.describe(Host::Repo, 2, standby);
            machines.connect(Host::Repo, "pg2", Host::Pg2)?;
        }
        machines.write()?;
        machines.serve_anew()
    }

    fn in_archive(&self, file: &str) -> Result<bool> {
        let archive = self.path(&format!("{}/repo/archive/main", self.row.at.name()));
        for entry in fs::read_dir(archive)? {
            let entry = entry?.path();
            if entry.is_dir() && entry.join(file).exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// pgBackRest finds the repository whole and restores the last backup.
    fn read_by_pgbackrest(&self) -> TestResult {
        let theirs = PgBackRest::rolling()?;
        let copy = self.machines.scratch.make_dir("theirs")?;
        let config =
            self.machines
                .alone(self.row.at, "theirs.conf", &copy.display().to_string())?;
        let config = format!("--config={}", config.display());
        let words = [&*config, "--stanza=main"];
        let verified = theirs
            .run([&words[..], &["--output=text", "--verbose", "verify"]].concat())?
            .success()?;
        if !verified.stdout.contains("status: ok") {
            return Err(format!("pgBackRest does not find it whole: {}", verified.stdout).into());
        }
        let spaces = format!("--tablespace-map-all={}", self.path("theirs-ts").display());
        theirs
            .run(
                [
                    &words[..],
                    &[&spaces, "--target-timeline=current", "restore"],
                ]
                .concat(),
            )?
            .success()?;
        let restored = Cluster::at(self.row.major, &copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        same(
            &dump(&self.primary)?,
            &dump(&restored)?,
            "pgBackRest restored",
        )
    }
}

/// Rows of all databases. A tablespace has another place.
pub fn dump(cluster: &Cluster) -> Result<String> {
    let text = cluster.dump()?;
    let kept = text.lines().filter(|line| !line.contains(" LOCATION "));
    Ok(kept.collect::<Vec<_>>().join("\n"))
}

pub fn same(expected: &str, found: &str, what: &str) -> TestResult {
    match expected == found {
        true => Ok(()),
        false => Err(format!("{what} other rows").into()),
    }
}

fn push(machines: &Machines<'_>, host: Host) -> String {
    format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        machines.program.link().display(),
        machines.config(host).display()
    )
}

fn made(path: &Path, account: &pgkeep_testkit::scratch::Scratch) -> Result<String> {
    fs::create_dir_all(path)?;
    account.account().own(path)?;
    Ok(path.display().to_string())
}

fn live(program: &Program, row: Row) -> TestResult {
    let mut array = Array::new(program, row)?;
    let at = row.at;
    let space = made(&array.path("pg1/ts"), &array.machines.scratch)?;
    array
        .primary
        .sql(&format!("create tablespace ts location '{space}'"))?;
    array.primary.sql(
        "create database gone; create table steps (step text); \
         create table t tablespace ts as select g, md5(g::text) from generate_series(1, 3000) g",
    )?;
    array.must(at, &["stanza-create"])?;
    array.must(Host::Pg1, &["check"])?;
    array.must(at, &["check"])?;
    array.must(at, &["--type=full", "--buffer-size=16KiB", "backup"])?;
    // A standby, promoted and made anew.
    let standby = array.standby(&[])?;
    standby.promote()?;
    let history = "00000002.history";
    let mut tries = 0;
    while !array.in_archive(history)? {
        tries += 1;
        if tries > 3000 {
            return Err(format!("{history} is not archived:\n{}", standby.log_text()).into());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    standby.stop(StopMode::Fast)?;
    drop(standby);
    let standby = array.standby(&["--delta", "--target-timeline=current"])?;
    array.introduce(&standby)?;
    array.must(Host::Pg2, &["check"])?;
    array
        .primary
        .sql("insert into steps values ('replicated')")?;
    array.primary.wait_for_replay(&standby)?;
    // From the standby.
    let told = array.must(
        at,
        &[
            "--type=full",
            "--backup-standby",
            "--no-expire-auto",
            "backup",
        ],
    )?;
    if !told.stdout.contains("replay on the standby reached") {
        return Err(told.stdout.into());
    }
    let before = array.backups(at)?;
    array.must(at, &["--repo1-retention-full=1", "expire"])?;
    let after = array.backups(Host::Pg1)?;
    if (before, after) != (2, 1) {
        return Err(format!("{before} backups and after expire {after}").into());
    }
    standby.stop(StopMode::Fast)?;
    // Asynchronous.
    array.machines.put(Host::Pg1, "archive-async", "y");
    array.machines.write()?;
    for _ in 0..4 {
        array.archive()?;
    }
    if !array.path("pg1/log/main-archive-push-async.log").exists() {
        return Err("nothing was archived asynchronously".into());
    }
    array.must(Host::Pg1, &["--type=incr", "--delta", "backup"])?;
    array.must(Host::Pg1, &["--repo1-retention-full=1", "expire"])?;
    array.must(Host::Pg1, &["--output=text", "verify"])?;
    recovery::points(&array)?;
    array.read_by_pgbackrest()?;
    recovery::all(&array)?;
    // Its end.
    array.primary.stop(StopMode::Fast)?;
    array.must(Host::Pg1, &["stop"])?;
    array.must(at, &["stop"])?;
    array.must(at, &["--force", "stanza-delete"])?;
    let left = array.must(at, &["repo-ls", "backup"])?.stdout;
    if left.lines().any(|line| line.trim() == "main") {
        return Err(format!("left after stanza-delete: {left}").into());
    }
    array.machines.nothing_left()
}
