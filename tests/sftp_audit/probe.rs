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
    must_say(
        &said["append-only"],
        &[
            ("result", json!("possible")),
            ("hard-link", json!(true)),
            ("hard-link-replaces", json!(false)),
            (
                "may",
                json!(["date back", "overwrite", "replace", "remove"]),
            ),
            ("left", json!([])),
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
        "An account that may only add: possible",
        "next step: pgkeep --append-only sftp-setup makes a script for the SFTP host.",
        "Nothing was left on the server.",
    ] {
        if !text.contains(part) {
            return Err(format!("no '{part}' in:\n{text}").into());
        }
    }
    Ok(())
}

/// An account that may only add is recognised, and little is left there; one that lacks links cannot be made so.
pub fn append_only(program: &Program) -> TestResult {
    const DENIED: &str = "remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink";
    let server = |denied: &str| {
        SftpServer::builder()
            .chrooted()
            .account_line(format!("ForceCommand internal-sftp -P {denied}"))
    };
    for (set, next) in [
        ("n", "set repo2-sftp-append-only=y here"),
        ("y", "none is needed"),
    ] {
        let stage = Stage::with(
            program,
            server(DENIED).start()?,
            &[("repo2-sftp-append-only", set)],
        )?;
        let before = stage.tree()?;
        let outcome = stage.command("sftp-probe", &["--output=json"])?.success()?;
        let said: Value = serde_json::from_str(&outcome.stdout)?;
        must_say(
            &said["append-only"],
            &[
                ("result", json!("yes")),
                ("hard-link", json!(true)),
                ("hard-link-replaces", json!(false)),
                ("may", json!([])),
            ],
        )?;
        must_say(
            &said,
            &[("bytes-sent", Value::Null), ("connections", json!(8))],
        )?;
        let step = said["append-only"]["next-step"]
            .as_str()
            .unwrap_or_default();
        if !step.starts_with(next) {
            return Err(format!("next step: {step}").into());
        }
        // What stays is told, and nothing else stays.
        let after = stage.tree()?;
        let stays: Vec<&String> = after.difference(&before).collect();
        let left = said["append-only"]["left"].as_array().map_or(0, Vec::len);
        if stays.len() != left
            || !(1..=5).contains(&left)
            || !stays.iter().all(|path| path.contains("/.pgkeep-probe-"))
        {
            return Err(format!("left: {stays:?}\n{:#}", said["append-only"]).into());
        }
        let text = stage.command("sftp-probe", &[])?.success()?.stdout;
        for part in [
            "An account that may only add: yes",
            "speed was not measured, and this is left on the server: /",
        ] {
            if !text.contains(part) {
                return Err(format!("no '{part}' in:\n{text}").into());
            }
        }
    }
    for denied in ["hardlink".to_owned(), format!("hardlink,{DENIED}")] {
        let stage = Stage::with(
            program,
            server(&denied).start()?,
            &[("repo2-sftp-append-only", "y")],
        )?;
        let outcome = stage
            .command("sftp-probe", &["--output=json", "--probe-size=1MiB"])?
            .success()?;
        let said: Value = serde_json::from_str(&outcome.stdout)?;
        must_say(
            &said["append-only"],
            &[
                ("result", json!("no")),
                ("hard-link", json!(false)),
                ("hard-link-replaces", Value::Null),
            ],
        )?;
        if !said["append-only"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("hardlink@openssh.com"))
        {
            return Err(format!("{:#}", said["append-only"]).into());
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
