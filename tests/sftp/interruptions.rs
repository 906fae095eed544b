//! Whole commands over a network that cuts anywhere, stalls, is far, or leads to a server that kills idle sessions.
//!
//! Cuts happen at a count of pieces, never at a time. `PGKEEP_TEST_FULL` in the environment cuts at every piece.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::append_only;
use crate::refused::CREATE;
use crate::stage::{Stage, own_key};
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_far_network_that_cuts_at_any_piece_delays_push_and_get_and_nothing_else",
        cut_push_far,
    ),
    (
        "a_cut_at_any_piece_delays_a_backup_and_nothing_else",
        cut_backup,
    ),
    (
        "a_cut_at_any_piece_delays_a_backup_that_only_adds_and_nothing_else",
        cut_backup_that_only_adds,
    ),
    (
        "a_cut_at_any_piece_delays_an_expire_of_the_keeper_and_nothing_else",
        cut_keeper,
    ),
    (
        "a_cut_at_any_piece_delays_a_restore_and_nothing_else",
        cut_restore,
    ),
    (
        "a_cut_at_any_piece_delays_a_push_and_nothing_else",
        cut_push,
    ),
    (
        "a_network_that_cuts_every_connection_is_survived",
        cut_every_connection,
    ),
    (
        "a_network_that_stalls_is_given_up_within_io_timeout",
        stalled,
    ),
    (
        "a_stuck_sftp_process_behind_a_living_connection_is_given_up",
        stuck,
    ),
    ("a_server_that_ends_idle_sessions_is_survived", idle),
    ("a_far_server_gets_the_same_bytes", far),
];

const BACKUP: &[&str] = &["--no-online", "--type=full", "backup"];

/// Cuts in one run of a suite without soak.
const SAMPLE: u64 = 7;

/// A stage whose cluster is large enough for many packets.
fn stage<'a>(
    program: &'a Program,
    server: pgkeep_testkit::sftp_server::SftpServerBuilder,
) -> Result<Stage<'a>> {
    let stage = Stage::on(
        program,
        server,
        &[
            ("io-timeout", "10"),
            ("compress-type", "none"),
            ("process-max", "2"),
        ],
    )?;
    stage
        .scratch
        .write("data/base/1/30000", bytes(1, 1 << 20))?;
    Ok(stage)
}

/// Bytes that nothing makes smaller.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut noise = seed;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.extend_from_slice(&noise.to_le_bytes());
    }
    bytes
}

/// Runs a command over a network without faults and counts its pieces.
fn pieces(stage: &mut Stage<'_>, network: Network, command: &[&str]) -> Result<u64> {
    let proxy = network.to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    stage.run(command)?;
    Ok(proxy.pieces())
}

/// Where to cut: about `sample` places; in the long run at `most` so many, which is all of them where there is no such bound.
fn places(pieces: u64, (sample, most): (u64, u64)) -> impl Iterator<Item = u64> {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let step = (pieces / if full { most } else { sample }).max(1);
    (1..=pieces).step_by(usize::try_from(step).unwrap_or(1))
}

fn over(stage: &mut Stage<'_>, network: Network) -> Result<NetworkProxy> {
    let proxy = network.to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    Ok(proxy)
}

/// What is on the server's disk is whole, and nothing temporary is left.
fn sound(stage: &Stage<'_>) -> TestResult {
    let mut left = vec![stage.server.files().to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(".tmp") {
                return Err(format!("{} is left", entry.path().display()).into());
            }
        }
    }
    let verified = stage
        .local_run(&["--output=text", "--verbose", "verify"])?
        .stdout;
    if verified.contains("status: ok") {
        Ok(())
    } else {
        Err(verified.into())
    }
}

fn restored(stage: &Stage<'_>, run: impl FnOnce(&str) -> TestResult) -> TestResult {
    let copy = stage.scratch.make_dir("copy")?;
    run(&format!("--pg1-path={}", copy.display()))?;
    let ignore = Ignore::of_restore();
    Snapshot::of(&stage.scratch.join("data"), &ignore)?
        .must_equal(&Snapshot::of(&copy, &ignore)?)?;
    Ok(std::fs::remove_dir_all(copy)?)
}

fn cut_backup(program: &Program) -> TestResult {
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    let all = pieces(&mut stage, Network::new(), BACKUP)?;
    let mut struck = 0;
    for at in places(all, (SAMPLE, u64::MAX)) {
        let proxy = over(&mut stage, Network::new().cut_at_piece(at))?;
        stage
            .run(BACKUP)
            .map_err(|error| format!("cut at {at} of {all}: {error}"))?;
        struck += u64::from(proxy.has_struck());
        sound(&stage).map_err(|error| format!("cut at {at} of {all}: {error}"))?;
    }
    if struck < SAMPLE - 2 {
        return Err(format!("only {struck} cuts happened").into());
    }
    restored(&stage, |copy| {
        stage.local_run(&[copy, "--type=none", "restore"]).map(drop)
    })
}

/// What a lost connection has left cannot be opened again: a new file gets what the old one has, copied by the server if it can.
fn cut_backup_that_only_adds(program: &Program) -> TestResult {
    for also_denied in ["", ",copy-data"] {
        let mut stage = stage(program, append_only::server_without(also_denied))?;
        stage.set("repo1-sftp-append-only", "y");
        // Longer than what is kept in memory until it is stored.
        stage
            .scratch
            .write("data/base/1/30001", bytes(2, 6 << 20))?;
        stage.ours_with(&[], CREATE)?.success()?;
        let network = Network::new();
        let proxy = over(&mut stage, network)?;
        stage.ours_with(&[], BACKUP)?.success()?;
        let all = proxy.pieces();
        drop(proxy);
        let mut files = append_only::published(stage.server.files())?;
        let (mut struck, mut gone_on) = (0, 0);
        for at in places(all, (SAMPLE, u64::MAX)) {
            let told = |error| format!("without '{also_denied}', cut at {at} of {all}: {error}");
            let proxy = over(&mut stage, Network::new().cut_at_piece(at))?;
            let debug = [("log-level-console", "debug")];
            let outcome = stage.ours_with(&debug, BACKUP)?;
            let outcome = outcome.success().map_err(|error| told(error.to_string()))?;
            struck += u64::from(proxy.has_struck());
            gone_on += outcome.stdout.matches("': going on at ").count();
            files = append_only::only_added(&files, stage.server.files())
                .map_err(|error| told(error.to_string()))?;
        }
        if struck < SAMPLE - 2 || gone_on == 0 {
            return Err(format!("{struck} cuts, and {gone_on} files went on").into());
        }
        let address = stage.server.address();
        stage.reached_at(address)?;
        let verify = ["--output=text", "--verbose", "verify"];
        let verified = stage.ours_with(&[], &verify)?.success()?.stdout;
        if !verified.contains("status: ok") {
            return Err(verified.into());
        }
        restored(&stage, |copy| {
            let restore = [copy, "--type=none", "restore"];
            stage.ours_with(&[], &restore)?.success()?;
            Ok(())
        })?;
    }
    Ok(())
}

/// What the keeper writes is closed, so it cannot be opened again after a lost connection.
fn cut_keeper(program: &Program) -> TestResult {
    let mut stage = stage(program, append_only::with_keeper())?;
    stage.set("repo1-sftp-append-only", "y");
    stage.set("repo1-retention-full", "1");
    stage.ours_with(&[], CREATE)?.success()?;
    let (name, key) = stage.server.keeper().ok_or("no second account")?;
    let (name, own) = (name.to_owned(), stage.scratch.join("keeper_key"));
    std::fs::copy(key, &own)?;
    own_key(&stage.scratch, &own)?;
    let own = own.display().to_string();
    let keeper = [
        ("repo1-sftp-append-only", ""),
        ("repo1-sftp-host-user", name.as_str()),
        ("repo1-sftp-private-key-file", own.as_str()),
    ];
    let expire = |stage: &Stage<'_>| -> TestResult {
        stage.ours_with(&keeper, &["expire"])?.success()?;
        Ok(())
    };
    stage.ours_with(&[], BACKUP)?.success()?;
    expire(&stage)?;
    stage.ours_with(&[], BACKUP)?.success()?;
    let (files, saved) = (stage.server.files().to_owned(), stage.scratch.join("saved"));
    let copy = |from: &Path, to: &Path| -> TestResult {
        if to.exists() {
            std::fs::remove_dir_all(to)?;
        }
        run(Command::new("cp").arg("-a").arg(from).arg(to))?.success()?;
        Ok(())
    };
    copy(&files.join("backup"), &saved)?;
    let proxy = over(&mut stage, Network::new())?;
    expire(&stage)?;
    let all = proxy.pieces();
    drop(proxy);
    // Names, modes and bytes.
    let found = || -> Result<Vec<_>> {
        let files = append_only::published(&files)?.into_iter();
        Ok(files
            .map(|(path, (_, mode, bytes))| (path, mode, bytes))
            .collect())
    };
    let whole = found()?;
    let mut struck = 0;
    for at in places(all, (SAMPLE, u64::MAX)) {
        let told = |error: String| format!("cut at {at} of {all}: {error}");
        copy(&saved, &files.join("backup"))?;
        let proxy = over(&mut stage, Network::new().cut_at_piece(at))?;
        expire(&stage).map_err(|error| told(error.to_string()))?;
        struck += u64::from(proxy.has_struck());
        let now = found()?;
        if now != whole {
            let names: Vec<_> = now.iter().map(|(path, mode, _)| (path, mode)).collect();
            return Err(told(format!("it ends otherwise: {names:?}")).into());
        }
    }
    match struck >= SAMPLE - 2 {
        true => Ok(()),
        false => Err(format!("only {struck} cuts happened").into()),
    }
}

fn cut_restore(program: &Program) -> TestResult {
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    stage.run(BACKUP)?;
    let first = stage.scratch.make_dir("first")?;
    let all = pieces(
        &mut stage,
        Network::new(),
        &[
            &format!("--pg1-path={}", first.display()),
            "--type=none",
            "restore",
        ],
    )?;
    for at in places(all, (SAMPLE, u64::MAX)) {
        let proxy = over(&mut stage, Network::new().cut_at_piece(at))?;
        restored(&stage, |copy| {
            stage.run(&[copy, "--type=none", "restore"]).map(drop)
        })
        .map_err(|error| format!("cut at {at} of {all}: {error}"))?;
        drop(proxy);
    }
    Ok(())
}

fn cut_push(program: &Program) -> TestResult {
    cut_segments(program, Network::new(), (SAMPLE, u64::MAX))
}

/// Far enough for several connections, which share the bytes of one segment. Some seconds for each command: fewer cuts, also in
/// the long run, which would take three hours with all of them.
fn cut_push_far(program: &Program) -> TestResult {
    let far = Network::new().delay(Duration::from_millis(100));
    cut_segments(program, far, (3, 60))
}

fn cut_segments(program: &Program, network: Network, sample: (u64, u64)) -> TestResult {
    let plain = network;
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    let builder = DataDirBuilder::new("15")?;
    let segment = |stage: &Stage<'_>, number: u64| -> Result<String> {
        let name = format!("data/pg_wal/0000000100000000{number:08X}");
        let fill = u8::try_from(number % 250)?;
        Ok(stage
            .scratch
            .write(name, builder.wal_segment(fill))?
            .display()
            .to_string())
    };
    let first = segment(&stage, 1)?;
    let all = pieces(&mut stage, plain, &["archive-push", &first])?;
    let (mut cuts, mut struck) = (0, 0);
    for (at, number) in places(all, sample).zip(2..) {
        let pushed = segment(&stage, number)?;
        let proxy = over(&mut stage, plain.cut_at_piece(at))?;
        stage
            .run(&["archive-push", &pushed])
            .map_err(|error| format!("cut at {at} of {all}: {error}"))?;
        cuts += 1;
        struck += u64::from(proxy.has_struck());
        drop(proxy);
        let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
        let name = pushed.rsplit('/').next().unwrap_or_default();
        let proxy = over(&mut stage, plain.cut_at_piece(at))?;
        stage
            .run(&["archive-get", name, &fetched.display().to_string()])
            .map_err(|error| format!("cut at {at} of {all}: {error}"))?;
        cuts += 1;
        struck += u64::from(proxy.has_struck());
        drop(proxy);
        if std::fs::read(&fetched)? != std::fs::read(&pushed)? {
            return Err(format!("cut at {at}: the segment came back with other bytes").into());
        }
        std::fs::remove_file(&pushed)?;
        sound(&stage).map_err(|error| format!("cut at {at} of {all}: {error}"))?;
    }
    // How bytes share the pieces differs from run to run, so the last places may not be reached.
    if struck * 2 < cuts {
        return Err(format!("only {struck} of {cuts} cuts happened").into());
    }
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        println!("{struck} of {cuts} cuts happened");
    }
    Ok(())
}

fn cut_every_connection(program: &Program) -> TestResult {
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    // Enough for a login and some work, never for the whole backup.
    let proxy = over(
        &mut stage,
        Network::new().cut_at_piece(60).every_connection(),
    )?;
    stage.run(BACKUP)?;
    if proxy.connections() < 3 {
        return Err(format!("only {} connections", proxy.connections()).into());
    }
    sound(&stage)?;
    restored(&stage, |copy| {
        stage.run(&[copy, "--type=none", "restore"]).map(drop)
    })
}

fn stalled(program: &Program) -> TestResult {
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    let all = pieces(&mut stage, Network::new(), BACKUP)?;
    stage.set("io-timeout", "6");
    for at in [all / 3, all / 2] {
        let proxy = over(&mut stage, Network::new().stall_at_piece(at))?;
        stage.run(BACKUP)?;
        if !proxy.has_struck() || proxy.connections() < 2 {
            return Err(format!("{} connections", proxy.connections()).into());
        }
        sound(&stage)?;
    }
    Ok(())
}

/// The first SFTP process takes some bytes and nothing more, while sshd goes on answering; the next ones work.
fn stuck(program: &Program) -> TestResult {
    let once = pgkeep_testkit::scratch::Scratch::new()?;
    once.account().own(once.path())?;
    let flag = once.join("stuck");
    let mut stage = stage(
        program,
        SftpServer::builder().line(format!(
            "ForceCommand if [ -e '{flag}' ] && mkdir '{flag}.done' 2>/dev/null; then (dd bs=1 count=20000 2>/dev/null; \
             sleep 100) | /usr/lib/openssh/sftp-server; else exec /usr/lib/openssh/sftp-server; fi",
            flag = flag.display()
        )),
    )?;
    stage.run(CREATE)?;
    std::fs::write(&flag, "")?;
    stage.set("io-timeout", "6");
    let outcome = stage
        .outcome_with(&[("log-level-console", "debug")], BACKUP)?
        .success()?;
    if !outcome.stdout.contains("no answer for 6 s") {
        return Err(outcome.stdout.into());
    }
    sound(&stage)
}

/// What the program says no longer reaches the server, which ends the session as idle.
fn idle(program: &Program) -> TestResult {
    let impatient = SftpServer::builder()
        .line("ChannelTimeout session:*=1s")
        .line("UnusedConnectionTimeout 1s");
    let mut stage = stage(program, impatient)?;
    stage.run(CREATE)?;
    let whole = over(&mut stage, Network::new())?;
    stage.run(BACKUP)?;
    // Behind a login, well before the end, however many pieces the bytes come in.
    let half = whole.bytes() / 2;
    let proxy = over(&mut stage, Network::new().mute_client_at_byte(half))?;
    let before = stage.server.log_text().len();
    stage.run(BACKUP)?;
    let log = stage.server.log_text();
    let ended = log
        .get(before..)
        .is_some_and(|new| new.contains("seconds of inactivity"));
    if !ended || !proxy.has_struck() || proxy.connections() < 2 {
        return Err(format!("{} connections, server's log: {log}", proxy.connections()).into());
    }
    sound(&stage)
}

fn far(program: &Program) -> TestResult {
    let mut stage = stage(program, SftpServer::builder())?;
    stage.run(CREATE)?;
    let _proxy = over(&mut stage, Network::new().delay(Duration::from_millis(25)))?;
    stage.run(BACKUP)?;
    sound(&stage)?;
    restored(&stage, |copy| {
        stage.run(&[copy, "--type=none", "restore"]).map(drop)
    })
}
