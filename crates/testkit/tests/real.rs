//! The test kit against the real parts it stands for: without them these tests are ignored, with the reason.

#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use pgkeep_testkit::cluster::{Cluster, Load, StopMode};
use pgkeep_testkit::compare::{self, Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::installed;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::run;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;
use pgkeep_testkit::{Error, page_check};

/// The test that runs itself again on a machine whose accounts are in the way.
const UNUSUAL: &str =
    "servers_and_machines_of_the_kit_need_nothing_of_the_accounts_of_this_machine";
/// Says that it is the second time.
const AGAIN: &str = "PGKEEP_TEST_UNUSUAL_ACCOUNTS";

/// A machine where names and numbers of the kit's accounts are taken, nobody may log in, and the server account has the
/// number that Debian gives out first and a shell that is none. Parameters: a copy of /etc, this program, the test.
const UNUSUAL_MACHINE: &str = r#"
sed -i -e '/^[^:]*:[^:]*:100:/d' "$1/passwd"
sed -i -e 's|^postgres:.*|postgres:x:100:104::/nonexistent:/usr/sbin/nologin|' "$1/passwd"
sed -i -e 's|^postgres:.*|postgres:!:20000::::::|' "$1/shadow"
for name in sftpuser offsite; do
    echo "$name:x:1234:1234::/home/$name:/usr/sbin/nologin" >>"$1/passwd"
    echo "$name:!:20000::::::" >>"$1/shadow"
done
printf 'taken:x:64217:1234::/:/bin/sh\nalso:x:64218:1234::/:/bin/sh\n' >>"$1/passwd"
echo 'sftpusers:x:1234:' >>"$1/group"
echo 'closed for maintenance' >"$1/nologin"
mount --bind "$1" /etc
exec "$2" --exact "$3"
"#;

fn main() -> ExitCode {
    let mut suite = Suite::new("testkit");
    for major in [12, 15, 17, 18] {
        suite = suite
            .test(
                format!(
                    "a_cluster_of_{major}_answers_stops_and_its_pages_are_right_by_both_readers"
                ),
                move || cluster_works(major),
            )
            .test(
                format!("a_damaged_page_of_{major}_is_found_by_both_readers"),
                move || damage_is_found(major),
            );
    }
    suite
        .test(
            "clusters_of_the_same_options_share_a_system_id_unless_asked",
            system_ids,
        )
        .test(
            "the_mandatory_pgbackrest_backs_up_and_restores_a_live_cluster",
            || live(&PgBackRest::mandatory()?, 17),
        )
        .test(
            "the_rolling_pgbackrest_backs_up_and_restores_a_live_cluster",
            || live(&PgBackRest::rolling()?, 18),
        )
        .test("every_pgbackrest_backs_up_a_made_up_directory", made_up)
        .test("an_sshd_with_a_plain_account_serves_files", || {
            sftp_works(SftpServer::builder().start()?)
        })
        .test("an_sshd_with_a_chrooted_account_serves_files", || {
            sftp_works(SftpServer::builder().chrooted().start()?)
        })
        .test("an_sshd_comes_back_at_the_same_port", sftp_restarts)
        .test("an_sshd_that_was_told_to_reload_is_waited_for", reload)
        .test(UNUSUAL, unusual_accounts)
        .test("every_part_that_the_setup_brings_is_here", parts)
        .run()
}

fn cluster_works(major: u32) -> TestResult {
    let cluster = Cluster::builder(major).start()?;
    assert!(
        cluster
            .sql("show server_version")?
            .starts_with(&major.to_string())
    );
    assert_eq!(cluster.sql("show wal_segment_size")?, "1MB");
    let load = Load::start(&cluster)?;
    load.wait_for(20)?;
    let last = load.stop()?;
    assert_eq!(
        cluster.sql("select count(*) from load")?,
        (last * 10).to_string()
    );
    assert!(cluster.dump()?.contains("CREATE TABLE public.load"));
    if major >= 14 {
        cluster.check_structures()?;
    }
    cluster.stop(StopMode::Fast)?;
    assert!(!cluster.is_running());
    cluster.check_pages()?;
    assert!(page_check::check(cluster.data_dir())? > 300);
    Ok(())
}

fn damage_is_found(major: u32) -> TestResult {
    let cluster = Cluster::builder(major).create()?;
    let victim = largest(&cluster.data_dir().join("base/1"))?;
    let mut bytes = fs::read(&victim)?;
    bytes[8192 + 5000] ^= 1;
    fs::write(&victim, bytes)?;
    assert!(cluster.check_pages().is_err());
    assert!(page_check::check(cluster.data_dir()).is_err());
    Ok(())
}

fn largest(directory: &Path) -> Result<std::path::PathBuf, Error> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort_by_key(|path| path.metadata().map_or(0, |found| found.len()));
    files
        .pop()
        .ok_or_else(|| Error::failed("an empty directory"))
}

fn system_ids() -> TestResult {
    let id = |cluster: &Cluster| {
        fs::read(cluster.data_dir().join("global/pg_control")).map(|bytes| bytes[..8].to_vec())
    };
    let first = Cluster::builder(15).create()?;
    let second = Cluster::builder(15).create()?;
    let third = Cluster::builder(15).own_system_id().create()?;
    assert_eq!(id(&first)?, id(&second)?);
    assert_ne!(id(&first)?, id(&third)?);
    Ok(())
}

fn live(pgbackrest: &PgBackRest, major: u32) -> TestResult {
    let scratch = Scratch::new()?;
    let cluster = Cluster::builder(major)
        .setting("archive_mode", "on")
        .setting(
            "archive_command",
            format!(
                "{} --config={} --stanza=main archive-push %p",
                pgbackrest.path().display(),
                scratch.join("pgbackrest.conf").display()
            ),
        )
        .start()?;
    let config = Configuration::new(&scratch)?
        .cluster("main", &cluster)
        .write(&scratch, "pgbackrest.conf")?;
    let with = |rest: &[&str]| {
        let mut all = vec![
            format!("--config={}", config.display()),
            "--stanza=main".to_owned(),
        ];
        all.extend(rest.iter().map(|word| (*word).to_owned()));
        pgbackrest.run(all)?.success()
    };
    with(&["stanza-create"])?;
    let load = Load::start(&cluster)?;
    load.wait_for(10)?;
    with(&["backup", "--type=full"])?;
    let last = load.stop()?;
    with(&["check"])?;
    cluster.stop(StopMode::Fast)?;
    let before = Snapshot::of(cluster.data_dir(), &Ignore::of_restore())?;

    let target = scratch.make_dir("restored")?;
    with(&["restore", &format!("--pg1-path={}", target.display())])?;
    let restored = Cluster::at(major, &target, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    assert_eq!(
        restored.sql("select count(*) from load")?,
        (last * 10).to_string()
    );
    restored.stop(StopMode::Fast)?;
    restored.check_pages()?;
    assert!(before.files() > 500);
    Ok(())
}

fn made_up() -> TestResult {
    for pgbackrest in PgBackRest::all()? {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .page_checksums()
            .relation("base/1/1259", 5)
            .file("base/1/16384", "not pages")
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        let config = Configuration::new(&scratch)?
            .global("repo1-retention-full", 9)
            .stanza("main", "pg1-path", data.display())
            .write(&scratch, "pgbackrest.conf")?;
        let config = format!("--config={}", config.display());
        let run = |words: &[&str]| {
            pgbackrest
                .run([&[config.as_str(), "--stanza=main", "--no-online"], words].concat())?
                .success()
        };
        run(&["stanza-create"])?;
        let said = run(&["backup", "--type=full"])?;
        assert!(said.stderr.is_empty(), "{}", said.stderr);
        let target = scratch.make_dir("restored")?;
        let to = format!("--pg1-path={}", target.display());
        pgbackrest
            .run([
                config.as_str(),
                "--stanza=main",
                "--type=none",
                "restore",
                &to,
            ])?
            .success()?;
        compare::trees(&data, &target, &Ignore::of_restore())?;
        let log = fs::read_to_string(scratch.join("log/main-backup.log"))?;
        assert!(
            !log.contains("invalid page checksum"),
            "pgBackRest {} doubts our pages:\n{log}",
            pgbackrest.version()
        );
    }
    Ok(())
}

fn sftp_works(server: SftpServer) -> TestResult {
    let scratch = Scratch::new()?;
    let file = scratch.write("file", "content")?;
    let batch = scratch.write(
        "batch",
        format!("put {} {}/file\n", file.display(), server.remote_dir()),
    )?;
    run(scratch
        .account()
        .command("sftp")
        .args([
            "-q",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
        ])
        .arg(format!(
            "UserKnownHostsFile={}",
            server.known_hosts().display()
        ))
        .arg("-i")
        .arg(server.private_key())
        .arg("-P")
        .arg(server.address().port().to_string())
        .arg("-b")
        .arg(batch)
        .arg(format!("{}@127.0.0.1", server.user())))?
    .success()
    .map_err(|error| Error::failed(format!("{error}\nserver:\n{}", server.log_text())))?;
    assert_eq!(fs::read_to_string(server.files().join("file"))?, "content");
    assert!(server.fingerprint()?.starts_with("SHA256:"));
    Ok(())
}

fn sftp_restarts() -> TestResult {
    let mut server = SftpServer::builder().line("MaxSessions 3").start()?;
    let address = server.address();
    server.restart()?;
    assert_eq!(server.address(), address);
    sftp_works(server)
}

fn unusual_accounts() -> TestResult {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::missing("root, who alone can put another /etc in place").into());
    }
    if std::env::var_os(AGAIN).is_none() {
        let scratch = Scratch::new()?;
        let etc = scratch.join("etc");
        run(Command::new("cp").arg("-a").arg("/etc").arg(&etc))?.success()?;
        let again = run(Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-euc"])
            .arg(UNUSUAL_MACHINE)
            .arg("sh")
            .arg(&etc)
            .arg(std::env::current_exe()?)
            .arg(UNUSUAL)
            .env(AGAIN, "yes"))?;
        if again.stderr.starts_with("unshare: ") {
            return Err(Error::Missing(again.stderr).into());
        }
        let said = again.success()?.stdout;
        assert!(said.contains("1 passed"), "it did not run:\n{said}");
        return Ok(());
    }
    let server = SftpServer::builder().chrooted().start()?;
    // What `useradd`, a package and every tool that keeps a machine configured do.
    let touched = "for one in passwd group shadow nsswitch.conf; do cp -a /etc/$one /etc/new; mv /etc/new /etc/$one; done";
    run(Command::new("sh").args(["-ec", touched]))?.success()?;
    sftp_works(server)?;
    // Commands of a login run in the shell of the account, which is none out here.
    let external = "Subsystem sftp exec /usr/lib/openssh/sftp-server";
    sftp_works(
        SftpServer::builder()
            .without_subsystem()
            .line(external)
            .start()?,
    )?;

    let machine = ThrowAwayRoot::builder().make()?;
    machine.add_postgres()?;
    machine.shell("useradd sftpuser")?.success()?;
    assert_eq!(
        machine.as_postgres("id -un")?.success()?.stdout,
        "postgres\n"
    );
    machine.start_sshd()?;
    Ok(())
}

/// Whoever waits for a server that was told to reload must not be content with the old one, which has not noticed yet.
fn reload() -> TestResult {
    let machine = ThrowAwayRoot::builder().make()?;
    machine.start_sshd()?;
    machine
        .shell("kill -STOP $(cat /run/sshd.pid); kill -HUP $(cat /run/sshd.pid)")?
        .success()?;
    assert!(!machine.sshd_is_ready()?, "{}", machine.sshd_log());
    machine
        .shell("kill -CONT $(cat /run/sshd.pid)")?
        .success()?;
    machine.wait_for_sshd()?;
    let log = machine.sshd_log();
    assert_eq!(log.matches("Received SIGHUP").count(), 1, "{log}");
    Ok(())
}

/// Lists that suites make of what they find must not become shorter without a word.
fn parts() -> TestResult {
    for major in [12, 15, 17, 18] {
        installed::server_bin(major)?;
        installed::client_for(major, "psql")?;
    }
    installed::newest_openssh()?;
    PgBackRest::mandatory()?;
    PgBackRest::rolling()?;
    let releases = PgBackRest::all()?;
    if releases.len() < 3 {
        return Err(
            Error::missing(format!("one of three versions of pgBackRest: {releases:?}")).into(),
        );
    }
    for program in [
        "/usr/sbin/sshd",
        "/usr/lib/openssh/sftp-server",
        "/usr/bin/rclone",
        "/usr/lib/proftpd/mod_sftp.so",
        "/usr/bin/strace",
        "/usr/bin/man",
        "/usr/bin/systemd-analyze",
    ] {
        if !Path::new(program).exists() {
            return Err(Error::missing(program).into());
        }
    }
    Ok(())
}
