//! `sftp-probe`: what it says of a server whose abilities are known.

use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;
use serde_json::{Value, json};

use crate::stage::{Result, Stage};

fn probe(stage: &Stage<'_>, arguments: &[&str]) -> Result<Value> {
    let before = stage.tree()?;
    let all = [arguments, &["--output=json", "--probe-size=4MiB"]].concat();
    let said = stage.command("sftp-probe", &all)?.success()?.stdout;
    stage.must_hold(&before)?;
    Ok(serde_json::from_str(&said)?)
}

fn must_say(said: &Value, expected: &[(&str, Value)]) -> TestResult {
    for (name, value) in expected {
        if said[*name] != *value {
            return Err(format!("{name} is {}, not {value}:\n{said:#}", said[*name]).into());
        }
    }
    Ok(())
}

pub fn abilities(program: &Program) -> TestResult {
    let stage = Stage::new(program, SftpServer::builder().chrooted().start()?)?;
    let said = probe(&stage, &[])?;
    must_say(
        &said,
        &[
            ("repo", json!(2)),
            ("sftp-version", json!(3)),
            ("largest-write", json!(261_120)),
            ("largest-read", json!(261_120)),
            ("exclusive-create", json!(true)),
            ("rename-replaces", json!(false)),
            ("posix-rename", json!(true)),
            ("fsync", json!(true)),
            ("connections", json!(8)),
            ("connection-refused", Value::Null),
            ("sessions", json!(10)),
            ("idle", Value::Null),
        ],
    )?;
    for rate in [
        "bytes-sent",
        "bytes-fetched",
        "files-written",
        "files-removed",
    ] {
        if said[rate]["per-second"]
            .as_u64()
            .is_none_or(|rate| rate == 0)
        {
            return Err(format!("{rate}: {}", said[rate]).into());
        }
    }
    let exchanges = &said["algorithm"][0];
    if exchanges["shared"][0]["name"] != "curve25519-sha256"
        || exchanges["used"] != "curve25519-sha256"
        || exchanges["shared"]
            .as_array()
            .is_none_or(|all| all.len() < 3)
    {
        return Err(format!("{exchanges:#}").into());
    }
    let text = stage
        .command("sftp-probe", &["--probe-size=1MiB"])?
        .success()?
        .stdout;
    for part in [
        "posix-rename@openssh.com 1",
        "curve25519-sha256 *",
        "Settings to use",
    ] {
        if !text.contains(part) {
            return Err(format!("no '{part}' in:\n{text}").into());
        }
    }
    Ok(())
}

pub fn limits(program: &Program) -> TestResult {
    let server = SftpServer::builder()
        .chrooted()
        .line("MaxSessions 3")
        .line("UnusedConnectionTimeout 1s")
        .line("KexAlgorithms diffie-hellman-group14-sha256,curve25519-sha256")
        .start()?;
    let stage = Stage::new(program, server)?;
    let said = probe(&stage, &["--probe-idle=60s"])?;
    must_say(&said, &[("sessions", json!(3))])?;
    let ended = said["idle"]["ended-after-ms"].as_u64();
    if ended.is_none_or(|time| !(500..30_000).contains(&time)) {
        return Err(format!("idle: {}", said["idle"]).into());
    }
    // Ours comes first, whatever the server prefers.
    let shared = &said["algorithm"][0]["shared"];
    if shared
        != &json!([
            {"name": "curve25519-sha256", "legacy": false},
            {"name": "diffie-hellman-group14-sha256", "legacy": true}
        ])
    {
        return Err(format!("{shared:#}").into());
    }
    Ok(())
}

/// Places in the exchange with a server at which its login is done and SFTP begins, with some room on both sides.
const BEFORE_SFTP: std::ops::RangeInclusive<u64> = 12..=32;

/// A first connection that ends before SFTP begins says nothing about the server.
pub fn an_early_end(program: &Program) -> TestResult {
    let stage = Stage::new(program, SftpServer::builder().chrooted().start()?)?;
    let server = stage.server.address();
    let known = std::fs::read_to_string(stage.server.known_hosts())?;
    let (places, step) = match std::env::var_os("PGKEEP_TEST_FULL") {
        Some(_) => (BEFORE_SFTP, 1),
        // SFTP is asked for at 19 with OpenSSH 9.2.
        None => (16..=22, 3),
    };
    let mut survived = 0;
    for at in places.step_by(step) {
        let proxy = Network::new().cut_at_piece(at).to(server)?;
        let port = proxy.address().port();
        let known = stage.scratch.write(
            format!("known_hosts.{port}"),
            known.replace(&server.port().to_string(), &port.to_string()),
        )?;
        let outcome = stage.command(
            "sftp-probe",
            &[
                &format!("--repo2-sftp-host-port={port}"),
                &format!("--repo2-sftp-known-host={}", known.display()),
                "--probe-size=1MiB",
            ],
        )?;
        if outcome.stdout.contains("does not answer as an SFTP server") {
            return Err(format!("cut at {at}:\n{}", outcome.stdout).into());
        }
        survived += u64::from(outcome.code == 0 && proxy.has_struck());
    }
    match survived {
        0 => Err("no cut was survived".into()),
        _ => Ok(()),
    }
}

pub fn a_read_only_path(program: &Program) -> TestResult {
    let server = SftpServer::builder().chrooted().start()?;
    std::os::unix::fs::chown(server.files(), Some(0), Some(0))?;
    let stage = Stage::new(program, server)?;
    let refused = stage.command("sftp-probe", &[])?.expect_code(47)?;
    if refused.stdout.contains("permission denied") && refused.stdout.contains("HINT: ") {
        Ok(())
    } else {
        Err(refused.stdout.into())
    }
}
