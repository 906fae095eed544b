//! The whole life of backups at the account that `sftp-setup` made, near and far, over a connection that is cut again and again.
//!
//! Two repositories: a local encrypted one, and the SFTP account with bundles. What is restored comes from the second only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::desk::{Desk, Result, says};

/// Bytes between two cuts.
const CUT_EVERY: u64 = 3_000_000;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    // The longest first: the others go on beside it.
    for round_trip in [50, 0] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("backups_of_all_types_and_recovery_over_sftp_at_{round_trip}_ms_with_cuts"),
            move || life(&program, Duration::from_millis(round_trip)),
        );
    }
    suite
}

fn life(program: &Program, round_trip: Duration) -> TestResult {
    let mut desk = Desk::new(program, round_trip > Duration::ZERO)?;
    let proxy = Network::new()
        .delay(round_trip / 2)
        .to(desk.machine.address())?;
    desk.address = proxy.address();
    desk.prepared(&[])?;
    desk.run_script(&[])?.success()?;

    let cluster = Cluster::builder(15)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let config = configuration(&desk, &cluster, proxy.address())?;
    cluster.append_setting(
        "archive_command",
        &format!(
            "{} --config={config} --stanza=main archive-push \"%p\"",
            program.link().display()
        ),
    )?;
    cluster.start()?;
    let pgkeep = |words: &[&str]| -> Result<String> {
        let config = format!("--config={config}");
        let outcome = run(program
            .command()
            .args([config.as_str(), "--stanza=main"])
            .args(words))?;
        Ok(outcome.success()?.stdout)
    };
    pgkeep(&["stanza-create"])?;

    let cuts = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| cut(&proxy, &ended, &cuts));
        let result = story(&desk, &cluster, &pgkeep);
        ended.store(true, Ordering::Release);
        result
    })?;
    let cuts = cuts.load(Ordering::Acquire);
    if cuts < 3 {
        return Err(format!("connections were cut {cuts} times only").into());
    }
    Ok(())
}

/// Cuts all connections whenever so many bytes have passed.
fn cut(proxy: &NetworkProxy, ended: &AtomicBool, cuts: &AtomicU64) {
    let mut next = proxy.bytes() + CUT_EVERY;
    while !ended.load(Ordering::Acquire) {
        if proxy.bytes() >= next {
            proxy.cut_all();
            cuts.fetch_add(1, Ordering::AcqRel);
            next = proxy.bytes() + CUT_EVERY;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn configuration(desk: &Desk<'_>, cluster: &Cluster, address: SocketAddr) -> Result<String> {
    let file = Configuration::new(cluster.scratch())?
        .global("repo1-cipher-type", "aes-256-cbc")
        .global("repo1-cipher-pass", "secret of the test")
        .global("repo1-retention-full", 2)
        .global("repo2-type", "sftp")
        .global("repo2-path", "/upload")
        .global("repo2-bundle", "y")
        .global("repo2-retention-full", 2)
        .global("repo2-sftp-host", address.ip())
        .global("repo2-sftp-host-port", address.port())
        .global("repo2-sftp-host-user", "pgbackup")
        .global("repo2-sftp-host-key-hash-type", "sha256")
        .global("repo2-sftp-private-key-file", desk.key().display())
        .global("repo2-sftp-known-host", desk.known_hosts().display())
        .global("archive-async", "y")
        .global("process-max", 2)
        .global("start-fast", "y")
        .global("compress-type", "zst")
        .cluster("main", cluster)
        .write(cluster.scratch(), "pgbackrest.conf")?;
    Ok(file.display().to_string())
}

fn story(
    desk: &Desk<'_>,
    cluster: &Cluster,
    pgkeep: &dyn Fn(&[&str]) -> Result<String>,
) -> Result<()> {
    pgkeep(&["check"])?;
    cluster.sql("create table t as select n, repeat(md5(n::text), 8) as filler from generate_series(1, 30000) n")?;
    pgkeep(&["--repo=1", "--type=full", "backup"])?;
    pgkeep(&["--repo=2", "--type=full", "backup"])?;
    cluster.sql("update t set filler = md5(filler) where n % 10 = 0")?;
    pgkeep(&["--repo=2", "--type=diff", "backup"])?;
    cluster.sql("insert into t select n, 'late' from generate_series(30001, 31000) n")?;
    pgkeep(&["--repo=2", "--type=incr", "backup"])?;
    let before =
        cluster.sql("select count(*), md5(string_agg(n || filler, ',' order by n)) from t")?;
    // A set is chosen by its stop time in whole seconds, strictly before the target.
    let stopped = cluster.sql("select date_trunc('second', clock_timestamp())")?;
    cluster.wait_for_sql(
        &format!("select clock_timestamp() >= '{stopped}'::timestamptz + interval '1 s'"),
        "t",
    )?;
    let moment = cluster.sql("select clock_timestamp()")?;
    cluster.sql("drop table t")?;
    let segment = cluster.sql("select pg_walfile_name(pg_switch_wal())")?;
    cluster.wait_for_sql(
        &format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver"),
        "t",
    )?;

    let verified = pgkeep(&["--repo=2", "--output=text", "--verbose", "verify"])?;
    says(&verified, "status: ok")?;
    let copy = cluster.scratch().make_dir("copy")?;
    let (path, target) = (
        format!("--pg1-path={}", copy.display()),
        format!("--target={moment}"),
    );
    pgkeep(&[
        "--repo=2",
        &path,
        "--type=time",
        &target,
        "--target-action=promote",
        "restore",
    ])?;
    cluster.stop(StopMode::Fast)?;
    let restored = Cluster::at(15, &copy, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    let after =
        restored.sql("select count(*), md5(string_agg(n || filler, ',' order by n)) from t")?;
    if before != after {
        return Err(format!("restored: {after}, expected {before}").into());
    }
    restored.stop(StopMode::Fast)?;

    // Two more full backups: the first goes with all that depends on it.
    cluster.start()?;
    for _ in 0..2 {
        pgkeep(&["--repo=2", "--type=full", "backup"])?;
    }
    pgkeep(&["expire"])?;
    let sets = std::fs::read_dir(desk.machine.path("/srv/sftp/pgbackup/upload/backup/main"))?
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .ends_with(['F', 'I', 'D'])
        })
        .count();
    if sets != 2 {
        return Err(format!("{sets} sets are left on the server, 2 are expected").into());
    }
    Ok(())
}
