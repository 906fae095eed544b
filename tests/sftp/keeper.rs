//! Whoever keeps the repository, through a second SFTP account: the number of the first one, a key of its own, and all that SFTP
//! can do. It works while the first account adds, with no lock that both know.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::running::Running;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::append_only::{Files, only_added, published, with_keeper};
use crate::persist::PATIENCE;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_second_account_keeps_the_repository_while_the_first_one_adds",
        beside,
    ),
    (
        "a_second_account_upgrades_and_deletes_a_stanza",
        upgraded_and_deleted,
    ),
    (
        "a_second_account_on_a_host_without_the_cluster_upgrades_annotates_and_deletes_a_stanza",
        from_another_host,
    ),
    (
        "a_keeper_that_died_among_the_manifests_is_followed_by_one_that_ends_its_work",
        died_among_manifests,
    ),
];

/// Who runs a command: each has a configuration, a key and locks of its own.
#[derive(Debug, Clone, Copy)]
enum Who {
    Adds,
    Keeps,
}

struct Hosts<'a> {
    program: &'a Program,
    scratch: &'a Scratch,
    server: &'a SftpServer,
}

impl Hosts<'_> {
    /// Writes both configurations; `made`: what both have in common.
    fn configure(&self, made: &Configuration) -> TestResult {
        made.clone()
            .sftp(self.server)
            .global("repo1-sftp-append-only", "y")
            .write(self.scratch, "adds.conf")?;
        let (name, key) = self.server.keeper().ok_or("no second account")?;
        made.clone()
            .sftp(self.server)
            .global("repo1-sftp-host-user", name)
            .global("repo1-sftp-private-key-file", key.display())
            .global(
                "repo1-sftp-public-key-file",
                format!("{}.pub", key.display()),
            )
            .global("lock-path", self.scratch.make_dir("keeper-lock")?.display())
            .write(self.scratch, "keeps.conf")?;
        Ok(())
    }

    /// Whoever keeps the repository is not on the host of the cluster: as the other configuration says, that is behind `pg`.
    fn keeps_elsewhere(&self, pg: &SftpServer) -> TestResult {
        let ssh = pg.ssh(self.scratch)?;
        let file = self.config(Who::Keeps);
        let mut text = std::fs::read_to_string(&file)?;
        let address = pg.address();
        for (option, value) in [
            ("pg1-host", address.ip().to_string()),
            ("pg1-host-port", address.port().to_string()),
            ("pg1-host-user", pg.user().to_owned()),
            ("pg1-host-cmd", self.program.path().display().to_string()),
            (
                "pg1-host-config",
                self.config(Who::Adds).display().to_string(),
            ),
        ] {
            text.push_str(&format!("{option}={value}\n"));
        }
        text = text.replacen(
            "[global]\n",
            &format!("[global]\ncmd-ssh={}\n", ssh.display()),
            1,
        );
        self.scratch.write("keeps.conf", text)?;
        Ok(())
    }

    fn config(&self, who: Who) -> PathBuf {
        self.scratch.join(match who {
            Who::Adds => "adds.conf",
            Who::Keeps => "keeps.conf",
        })
    }

    fn command(&self, who: Who, arguments: &[&str]) -> Command {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config(who).display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(arguments);
        command
    }

    fn run(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(&mut self.command(who, arguments))?.success()?)
    }

    /// Through the second account.
    fn theirs(&self, pgbackrest: &PgBackRest, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config(Who::Keeps).display());
        Ok(pgbackrest
            .run([&[config.as_str(), "--stanza=main"], arguments].concat())?
            .success()?)
    }

    fn sets(&self) -> PathBuf {
        self.server.files().join("backup/main")
    }

    /// A backup that stands still after it has begun and before it has a manifest.
    fn stopped_backup(&self, kind: &str) -> Result<Stopped> {
        let before = labels(&self.sets())?;
        // So far away that it can be stopped in its midst.
        let far = Network::new()
            .delay(Duration::from_millis(25))
            .to(self.server.address())?;
        let known = self.server.known_hosts_for(far.address())?;
        let mut command = self.command(
            Who::Adds,
            &[
                &format!("--type={kind}"),
                &format!("--repo1-sftp-host-port={}", far.address().port()),
                &format!("--repo1-sftp-known-host={}", known.display()),
                "backup",
            ],
        );
        let running = Running::start(&mut command, self.scratch.join("backup.log"))?;
        let signal = |name: &str| -> TestResult {
            run(Command::new("kill").args([name, &running.id().to_string()]))?.success()?;
            Ok(())
        };
        let end = Instant::now() + PATIENCE;
        let label = loop {
            let new = labels(&self.sets())?
                .into_iter()
                .find(|label| !before.contains(label));
            if let Some(label) = new
                && self
                    .sets()
                    .join(&label)
                    .join("backup.manifest.copy")
                    .exists()
            {
                signal("-STOP")?;
                break label;
            }
            if Instant::now() > end {
                let log = std::fs::read_to_string(self.scratch.join("backup.log"))?;
                return Err(format!("no backup has begun:\n{log}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if self.sets().join(&label).join("backup.manifest").exists() {
            return Err("the backup was too quick for this test".into());
        }
        Ok(Stopped {
            running,
            label,
            _far: far,
        })
    }

    /// pgBackRest lists these backups.
    fn pgbackrest_lists(&self, pgbackrest: &PgBackRest, labels: &[String]) -> TestResult {
        let info = self.theirs(pgbackrest, &["info"])?.stdout;
        let seen = info.matches(" backup: ").count();
        match seen == labels.len() && labels.iter().all(|label| info.contains(label)) {
            true => Ok(()),
            false => Err(format!("{labels:?} and not\n{info}").into()),
        }
    }

    /// The same, and both programs find all whole.
    fn pgbackrest_sees(&self, pgbackrest: &PgBackRest, labels: &[String]) -> TestResult {
        self.pgbackrest_lists(pgbackrest, labels)?;
        let verified = self
            .theirs(pgbackrest, &["--output=text", "--verbose", "verify"])?
            .stdout;
        if !verified.contains("status: ok") || verified.contains("status: invalid") {
            return Err(format!("pgBackRest:\n{verified}").into());
        }
        let verified = self
            .run(Who::Keeps, &["--output=text", "--verbose", "verify"])?
            .stdout;
        match verified.contains("status: ok") {
            true => Ok(()),
            false => Err(verified.into()),
        }
    }
}

struct Stopped {
    running: Running,
    label: String,
    /// Its way to the server.
    _far: NetworkProxy,
}

impl Stopped {
    /// It goes on and succeeds.
    fn goes_on(mut self) -> Result<String> {
        run(Command::new("kill").args(["-CONT", &self.running.id().to_string()]))?.success()?;
        self.running.ends(0)?;
        Ok(self.label)
    }
}

fn labels(sets: &Path) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for entry in std::fs::read_dir(sets)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("20") {
            labels.push(name);
        }
    }
    labels.sort();
    Ok(labels)
}

fn newest(sets: &Path) -> Result<String> {
    labels(sets)?.pop().ok_or_else(|| "no backup".into())
}

/// Archiving and backups go on through one account while the other expires, annotates and changes the pass-phrase.
fn beside(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let server = with_keeper().start()?;
    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let hosts = Hosts {
        program,
        scratch,
        server: &server,
    };
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", 2)
        .global("repo1-bundle", "y")
        .global("repo1-cipher-type", "aes-256-cbc")
        .global("repo1-cipher-pass", "first")
        .global("compress-type", "lz4")
        .cluster("main", &cluster);
    hosts.configure(&made)?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.path().display(),
        hosts.config(Who::Adds).display()
    );
    cluster.append_setting("archive_command", &push)?;
    cluster.start()?;
    hosts.run(Who::Adds, &["stanza-create"])?;
    cluster.sql("create table rows (number int)")?;
    hosts.run(Who::Adds, &["--type=full", "backup"])?;
    let first = newest(&hosts.sets())?;
    hosts.run(Who::Adds, &["--type=incr", "backup"])?;
    let second = newest(&hosts.sets())?;
    hosts.run(Who::Keeps, &["expire"])?;
    hosts.pgbackrest_lists(&pgbackrest, &[first.clone(), second.clone()])?;

    // A note on a listed backup, and an expire that has nothing to do but to leave the one that runs alone.
    let third = hosts.stopped_backup("full")?;
    archived_row(&cluster)?;
    let note = [
        &format!("--set={first}"),
        "--annotation=by=keeper",
        "annotate",
    ];
    hosts.run(Who::Keeps, &note)?;
    hosts.run(Who::Keeps, &["expire"])?;
    hosts.pgbackrest_lists(&pgbackrest, &[first.clone(), second])?;
    let third = third.goes_on()?;
    if !hosts
        .theirs(&pgbackrest, &["info", &format!("--set={first}")])?
        .stdout
        .contains("keeper")
    {
        return Err("the note is not there".into());
    }

    // Retention takes the older set with its WAL while the next backup is being made.
    let fourth = hosts.stopped_backup("incr")?;
    archived_row(&cluster)?;
    hosts.run(Who::Keeps, &["--repo1-retention-full=1", "expire"])?;
    hosts.pgbackrest_sees(&pgbackrest, std::slice::from_ref(&third))?;
    let fourth = fourth.goes_on()?;

    // The pass-phrase changes under a backup. Archiving goes on once its configuration has the new one.
    let fifth = hosts.stopped_backup("incr")?;
    archived_row(&cluster)?;
    let mut rekey = hosts.command(Who::Keeps, &["repo-rekey"]);
    run(rekey.env("PGBACKREST_REPO1_CIPHER_PASS_NEW", "second"))?.success()?;
    hosts.configure(&made.global("repo1-cipher-pass", "second"))?;
    let fifth = fifth.goes_on()?;
    hosts.run(Who::Adds, &["check"])?;
    hosts.run(Who::Keeps, &["--repo1-retention-full=1", "expire"])?;
    let kept = [third, fourth, fifth];
    if labels(&hosts.sets())? != kept {
        return Err(format!("{:?} in place of {kept:?}", labels(&hosts.sets())?).into());
    }

    // All rows come back, by pgBackRest through the second account.
    archived_row(&cluster)?;
    let rows = cluster.sql("select count(*), sum(number) from rows")?;
    cluster.stop(StopMode::Fast)?;
    hosts.pgbackrest_sees(&pgbackrest, &kept)?;
    let copy = scratch.make_dir("copy")?;
    let place = format!("--pg1-path={}", copy.display());
    hosts.theirs(&pgbackrest, &[&place, "restore"])?;
    let restored = Cluster::at(15, &copy, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    let found = restored.sql("select count(*), sum(number) from rows")?;
    restored.stop(StopMode::Fast)?;
    if found != rows {
        return Err(format!("{found} rows in place of {rows}").into());
    }
    // What the second account has written is as closed to the first one as all else.
    only_added(&Files::new(), server.files()).map(drop)
}

/// One more row, whose WAL is in the archive.
fn archived_row(cluster: &Cluster) -> TestResult {
    cluster.sql("insert into rows select count(*) from rows")?;
    let segment = cluster.sql("select pg_walfile_name(pg_switch_wal())")?;
    let archived = format!("select last_archived_wal >= '{segment}' from pg_stat_archiver");
    Ok(cluster.wait_for_sql(&archived, "t")?)
}

/// A cluster at rest in `data`, and both accounts.
fn at_rest<'a>(
    program: &'a Program,
    scratch: &'a Scratch,
    server: &'a SftpServer,
    retention: u32,
) -> Result<Hosts<'a>> {
    let data = scratch.join("data");
    DataDirBuilder::new("15")?
        .relation("base/1/16384", 40)
        .build(&data)?;
    scratch.account().own_tree(&data)?;
    let hosts = Hosts {
        program,
        scratch,
        server,
    };
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", retention)
        .stanza("main", "pg1-path", data.display());
    hosts.configure(&made)?;
    hosts.run(Who::Adds, &["--no-online", "stanza-create"])?;
    Ok(hosts)
}

fn upgraded_and_deleted(program: &Program) -> TestResult {
    upgrade_and_delete(program, None)
}

/// Whoever keeps the repository reaches the cluster by SSH.
fn from_another_host(program: &Program) -> TestResult {
    let pg = SftpServer::builder().without_subsystem().start()?;
    upgrade_and_delete(program, Some(&pg))
}

/// `pg`: by which the second account reaches the host of the cluster.
fn upgrade_and_delete(program: &Program, pg: Option<&SftpServer>) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let server = with_keeper().start()?;
    let scratch = Scratch::new()?;
    let hosts = at_rest(program, &scratch, &server, 2)?;
    if let Some(pg) = pg {
        hosts.keeps_elsewhere(pg)?;
    }
    hosts.run(Who::Adds, &["--no-online", "--type=full", "backup"])?;
    hosts.run(Who::Keeps, &["expire"])?;
    let before = newest(&hosts.sets())?;

    // pg_upgrade has been there.
    let data = scratch.join("data");
    let builder = DataDirBuilder::new("16")?.relation("base/1/16384", 40);
    std::fs::remove_dir_all(&data)?;
    builder.build(&data)?;
    let segment = scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    scratch.account().own_tree(&data)?;
    let push = ["archive-push", &segment.display().to_string()];
    let refused = run(&mut hosts.command(Who::Adds, &push))?;
    if !refused
        .stdout
        .contains("do not match repo1 stanza version 15")
    {
        return Err(format!("WAL of another version: {refused:?}").into());
    }
    hosts.run(
        Who::Keeps,
        &[
            &format!("--set={before}"),
            "--annotation=by=keeper",
            "--pin=forever",
            "annotate",
        ],
    )?;
    hosts.run(Who::Keeps, &["--no-online", "stanza-upgrade"])?;
    only_added(&Files::new(), server.files())?;
    hosts.run(Who::Adds, &push)?;
    hosts.run(Who::Adds, &["--no-online", "--type=full", "backup"])?;
    hosts.run(Who::Keeps, &["expire"])?;
    hosts.pgbackrest_sees(&pgbackrest, &[before, newest(&hosts.sets())?])?;
    only_added(&Files::new(), server.files())?;

    hosts.run(Who::Keeps, &["stop"])?;
    // It looks whether the server runs, wherever that is.
    let running = scratch.write("data/postmaster.pid", "1\n")?;
    let refused = run(&mut hosts.command(Who::Keeps, &["--repo=1", "stanza-delete"]))?;
    if !refused.stdout.contains("looks like PostgreSQL is running") {
        return Err(format!("a cluster that runs: {refused:?}").into());
    }
    std::fs::remove_file(running)?;
    hosts.run(Who::Keeps, &["--repo=1", "stanza-delete"])?;
    for place in ["archive/main", "backup/main"] {
        if server.files().join(place).exists() {
            return Err(format!("{place} is left").into());
        }
    }
    // And the first account begins again.
    hosts.run(Who::Adds, &["--no-online", "stanza-create"])?;
    hosts.run(Who::Adds, &push)?;
    only_added(&Files::new(), server.files()).map(drop)
}

/// On a storage that works on many files at once, the manifest of a full backup can be gone before that of one that depends on
/// it. Its own work must not look like a claim to whoever goes on.
fn died_among_manifests(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let server = with_keeper().start()?;
    let scratch = Scratch::new()?;
    let hosts = at_rest(program, &scratch, &server, 2)?;
    let backup = |kind: &str| -> Result<String> {
        // Something to copy, and something that is empty.
        let conf = scratch.join("data/postgresql.conf");
        let before = std::fs::read(&conf).unwrap_or_default();
        scratch.write("data/postgresql.conf", [&before[..], b"#"].concat())?;
        scratch.write("data/empty", "")?;
        let kind = format!("--type={kind}");
        hosts.run(Who::Adds, &["--no-online", &kind, "backup"])?;
        newest(&hosts.sets())
    };
    let full = backup("full")?;
    let incremental = backup("incr")?;
    // What has no manifest and is of the second of the newest backup, or later, may be being made.
    let second = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map(|now| now.as_secs())
    };
    let made = second()?;
    while second()? == made {
        std::thread::sleep(Duration::from_millis(10));
    }
    let kept = backup("full")?;
    hosts.run(Who::Keeps, &["expire"])?;
    std::fs::remove_file(hosts.sets().join(&full).join("backup.manifest"))?;
    // The one that ends the work, and the one of the next day.
    for _ in 0..2 {
        hosts.run(Who::Keeps, &["expire"])?;
        hosts.pgbackrest_sees(&pgbackrest, std::slice::from_ref(&kept))?;
        if labels(&hosts.sets())? != [kept.as_str()] {
            return Err(format!(
                "left of {full} and {incremental}: {:?}",
                labels(&hosts.sets())?
            )
            .into());
        }
    }
    let before = published(server.files())?;
    let next = backup("incr")?;
    only_added(&before, server.files())?;
    hosts.run(Who::Keeps, &["expire"])?;
    hosts.pgbackrest_sees(&pgbackrest, &[kept, next])
}
