//! A cluster on one host and its repository on another, and commands that cross from one to the other.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};

use crate::Result;
use crate::machine::{Host, Machines, Way};

const SEGMENT: &str = "000000010000000000000001";
const FILE: &str = "base/1/16384";

/// A command that crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// On the host of the repository.
    Backup,
    /// On the host of the cluster.
    BackupFromCluster,
    Push,
    Get,
    Restore,
}

impl Case {
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::BackupFromCluster => "backup_from_the_cluster",
            Self::Push => "push",
            Self::Get => "get",
            Self::Restore => "restore",
        }
    }

    /// Where it is typed.
    pub fn host(self) -> Host {
        match self {
            Self::Backup => Host::Repo,
            _ => Host::Pg1,
        }
    }

    /// What is reached at the other host.
    fn prefix(self) -> &'static str {
        match self {
            Self::Backup => "pg1",
            _ => "repo1",
        }
    }

    /// Where it is served.
    pub fn other(self) -> Host {
        match self {
            Self::Backup => Host::Pg1,
            _ => Host::Repo,
        }
    }
}

/// Both hosts.
pub struct Scene<'a> {
    pub machines: Machines<'a>,
    theirs: PgBackRest,
    /// Where the cluster runs, if it does.
    pub cluster: Option<Cluster>,
    /// Its files.
    data: PathBuf,
}

impl<'a> Scene<'a> {
    /// With a running cluster. What it archives takes no way that a test has a fault on.
    pub fn running(program: &'a Program, way: Way, major: u32) -> Result<Self> {
        let cluster = Cluster::builder(major)
            .setting("archive_mode", "on")
            .setting("archive_command", "false")
            .create()?;
        let data = cluster.data_dir().to_owned();
        let mut scene = Self::over(program, way, data, |machines| {
            machines.describe(Host::Pg1, 1, &cluster);
            machines.describe(Host::Repo, 1, &cluster);
        })?;
        cluster.append_setting("archive_command", &scene.push(&cluster, "push")?)?;
        cluster.start()?;
        scene.cluster = Some(cluster);
        scene.must(Host::Repo, &["stanza-create"])?;
        scene.sql("create table t as select g, md5(g::text) from generate_series(1, 2000) g")?;
        scene.must(Host::Repo, &["--type=full", "backup"])?;
        // What changed in the second of a backup is in doubt at the next, all of a new cluster; and then no longer.
        scene.must(Host::Repo, &["--type=incr", "backup"])?;
        Ok(scene)
    }

    /// With a running cluster and a standby on a host of its own, which archives as the cluster does.
    pub fn with_standby(program: &'a Program, way: Way, major: u32) -> Result<(Self, Cluster)> {
        let mut scene = Self::running(program, way, major)?;
        let standby = scene
            .cluster
            .as_ref()
            .ok_or("there is no server")?
            .standby()?;
        standby.append_setting("archive_command", &scene.push(&standby, "push2")?)?;
        standby.reload()?;
        let machines = &mut scene.machines;
        machines.describe(Host::Pg2, 1, &standby);
        machines.describe(Host::Repo, 2, &standby);
        machines.connect(Host::Repo, "pg2", Host::Pg2)?;
        machines.write()?;
        machines.serve_anew()?;
        Ok((scene, standby))
    }

    /// What a cluster archives with: into the repository itself, past any other host.
    fn push(&self, cluster: &Cluster, name: &str) -> Result<String> {
        let alone = self.machines.alone(
            Host::Repo,
            &format!("{name}.conf"),
            &cluster.data_dir().display().to_string(),
        )?;
        let own = self.machines.scratch.make_dir(name)?;
        Ok(format!(
            "{} --config={} --stanza=main --log-path={own} --lock-path={own} archive-push \"%p\"",
            self.machines.program.link().display(),
            alone.display(),
            own = own.display(),
        ))
    }

    /// What the cluster archives with.
    pub fn archive_command(&self) -> Result<String> {
        self.push(self.cluster.as_ref().ok_or("there is no server")?, "push")
    }

    /// A file of the cluster.
    pub fn file(&self) -> PathBuf {
        self.data.join(FILE)
    }

    /// With files that look like those of a stopped cluster, a backup of them, and a segment in the archive.
    pub fn at_rest(program: &'a Program, way: Way) -> Result<Self> {
        let mut data = PathBuf::new();
        let scene = Self::over(program, way, PathBuf::new(), |machines| {
            data = machines.scratch.join("data");
            for host in [Host::Pg1, Host::Repo] {
                machines.put(host, "pg1-path", &data.display().to_string());
            }
        })?;
        let scene = Self { data, ..scene };
        DataDirBuilder::new("15")?
            .relation(FILE, 40)
            .relation("base/1/16385", 200)
            .build(&scene.data)?;
        let segment = scene.data.join("pg_wal").join(SEGMENT);
        fs::write(&segment, DataDirBuilder::new("15")?.wal_segment(1))?;
        scene.machines.scratch.account().own_tree(&scene.data)?;
        scene.must(Host::Repo, &["--no-online", "stanza-create"])?;
        scene.must(Host::Repo, &["--no-online", "--type=full", "backup"])?;
        scene.must(Host::Pg1, &["archive-push", &segment.display().to_string()])?;
        Ok(scene)
    }

    fn over(
        program: &'a Program,
        way: Way,
        data: PathBuf,
        describe: impl FnOnce(&mut Machines<'_>),
    ) -> Result<Self> {
        let mut machines = Machines::new(program, way, &[Host::Pg1, Host::Pg2, Host::Repo])?;
        let path = machines.scratch.make_dir("repo/repo")?;
        for (option, value) in [
            ("repo1-path", path.display().to_string()),
            ("repo1-retention-full", "9".to_owned()),
            ("process-max", "2".to_owned()),
        ] {
            machines.put(Host::Repo, option, &value);
        }
        for host in [Host::Pg1, Host::Repo] {
            machines.put(host, "repo1-bundle", "y");
            machines.put(host, "compress-type", "lz4");
            machines.put(host, "start-fast", "y");
        }
        describe(&mut machines);
        machines.connect(Host::Repo, "pg1", Host::Pg1)?;
        machines.connect(Host::Pg1, "repo1", Host::Repo)?;
        machines.write()?;
        machines.serve()?;
        Ok(Self {
            machines,
            theirs: PgBackRest::rolling()?,
            cluster: None,
            data,
        })
    }

    /// A command of the stanza on a host.
    pub fn command(&self, host: Host, words: &[&str]) -> Command {
        let mut command = self.machines.program.command();
        command
            .arg(format!("--config={}", self.machines.config(host).display()))
            .arg("--stanza=main")
            .args(words);
        command
    }

    /// The line between the hosts of a case is this network from now on.
    pub fn behind(&mut self, case: Case, network: Network) -> Result<NetworkProxy> {
        let proxy = network.to(self.machines.address(case.other())?)?;
        self.machines
            .lead(case.host(), case.prefix(), proxy.address())?;
        Ok(proxy)
    }

    /// The hosts of a case reach each other as before.
    pub fn straight(&mut self, case: Case) -> Result<()> {
        let address = self.machines.address(case.other())?;
        self.machines.lead(case.host(), case.prefix(), address)
    }

    /// Runs it.
    pub fn outcome(&self, host: Host, words: &[&str]) -> Result<Outcome> {
        Ok(run(&mut self.command(host, words))?)
    }

    pub fn must(&self, host: Host, words: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(host, words)?.success()?)
    }

    pub fn sql(&self, sql: &str) -> Result<String> {
        let cluster = self.cluster.as_ref().ok_or("there is no server")?;
        Ok(cluster.sql(sql)?)
    }

    /// Leaves one full backup in the repository, one that builds on it, and their WAL.
    pub fn forget(&self, case: Case) -> Result<()> {
        if matches!(case, Case::Backup | Case::BackupFromCluster) {
            self.must(Host::Repo, &["--type=full", "backup"])?;
            self.must(Host::Repo, &["--repo1-retention-full=1", "expire"])?;
            self.must(Host::Repo, &["--type=incr", "backup"])?;
        }
        Ok(())
    }

    fn got(&self) -> PathBuf {
        self.machines.scratch.join("pg1/got")
    }

    fn copy(&self) -> PathBuf {
        self.machines.scratch.join("pg1/copy")
    }

    /// The segment in the repository.
    fn archived(&self) -> Result<Option<PathBuf>> {
        let directory = self
            .machines
            .scratch
            .join("repo/repo/archive/main/15-1/0000000100000000");
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.to_string_lossy().contains(SEGMENT) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Brings about the state that a case begins in.
    pub fn prepare(&self, case: Case) -> Result<()> {
        match case {
            Case::Backup | Case::BackupFromCluster => {
                self.sql("update t set md5 = md5(md5) where g % 50 = 0")?;
            }
            Case::Push => {
                if let Some(path) = self.archived()? {
                    fs::remove_file(path)?;
                }
            }
            Case::Get => {
                if self.got().exists() {
                    fs::remove_file(self.got())?;
                }
            }
            Case::Restore => {
                if self.copy().exists() {
                    fs::remove_dir_all(self.copy())?;
                }
                self.machines.scratch.make_dir("pg1/copy")?;
            }
        }
        Ok(())
    }

    /// The command itself, and how long it took.
    pub fn go(&self, case: Case, more: &[&str]) -> Result<(Outcome, Duration)> {
        let segment = self.data.join("pg_wal").join(SEGMENT).display().to_string();
        let got = self.got().display().to_string();
        let copy = format!("--pg1-path={}", self.copy().display());
        let words = match case {
            Case::Backup | Case::BackupFromCluster => vec!["--type=incr", "backup"],
            Case::Push => vec!["archive-push", &segment],
            Case::Get => vec!["archive-get", SEGMENT, &got],
            Case::Restore => vec![&*copy, "--type=none", "restore"],
        };
        let begun = Instant::now();
        let outcome = self.outcome(case.host(), &[more, &words].concat())?;
        Ok((outcome, begun.elapsed()))
    }

    /// What it leaves when it failed is harmless.
    pub fn is_harmless(&self, case: Case) -> Result<()> {
        match case {
            Case::Get if self.got().exists() => self.is_done(case),
            // Without it nobody starts what is half there.
            Case::Restore if self.copy().join("global/pg_control").exists() => {
                Err("a restore that failed left pg_control".into())
            }
            _ => Ok(()),
        }
    }

    /// What it must have brought about when it succeeded.
    pub fn is_done(&self, case: Case) -> Result<()> {
        let same = |one: PathBuf, other: PathBuf| -> Result<()> {
            match fs::read(&one)? == fs::read(&other)? {
                true => Ok(()),
                false => Err(format!("{} has other bytes", one.display()).into()),
            }
        };
        match case {
            Case::Backup | Case::BackupFromCluster => Ok(()),
            Case::Push => match self.archived()? {
                Some(_) => Ok(()),
                None => Err("the segment is not archived".into()),
            },
            Case::Get => same(self.got(), self.data.join("pg_wal").join(SEGMENT)),
            Case::Restore => {
                for file in [FILE, "base/1/16385", "global/pg_control"] {
                    same(self.copy().join(file), self.data.join(file))?;
                }
                Ok(())
            }
        }
    }

    /// Nobody is left on any host, and no server is in backup mode.
    pub fn nobody_is_left(&self) -> Result<()> {
        self.machines.nothing_left()?;
        if let Some(cluster) = &self.cluster {
            cluster.wait_for_sql(
                "select count(*) from pg_stat_activity where application_name ~ 'pgBackRest'",
                "0",
            )?;
        }
        Ok(())
    }

    /// Both programs find every file of the repository whole.
    pub fn verified(&self) -> Result<()> {
        let told = self.must(Host::Repo, &["--output=text", "--verbose", "verify"])?;
        if !told.stdout.contains("status: ok") || told.stdout.contains("status: invalid") {
            return Err(format!("verify:\n{}", told.stdout).into());
        }
        let alone = self.machines.alone(Host::Repo, "theirs.conf", "/nowhere")?;
        let mut theirs = self.theirs.command();
        theirs.arg(format!("--config={}", alone.display())).args([
            "--stanza=main",
            "--output=text",
            "--verbose",
            "verify",
        ]);
        let told = run(&mut theirs)?.success()?;
        if !told.stdout.contains("status: ok") || told.stdout.contains("status: invalid") {
            return Err(format!("pgBackRest's verify:\n{}", told.stdout).into());
        }
        Ok(())
    }
}
