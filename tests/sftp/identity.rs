//! Who the server is: whatever is wrong with its key, the command is refused, and nothing was sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::refused::{CREATE, check, refuse};
use crate::stage::{Options, Stage};
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("an_unknown_host_is_refused_by_every_command", unknown_host),
    (
        "a_changed_key_is_refused_with_both_fingerprints",
        changed_key,
    ),
    (
        "a_revoked_key_is_refused_with_the_line_that_says_so",
        revoked_key,
    ),
    (
        "a_certificate_by_the_wrong_authority_is_refused",
        wrong_authority,
    ),
    (
        "a_downgraded_algorithm_list_is_refused_unless_asked_for",
        downgraded,
    ),
    ("pins_of_every_form_are_enough_and_a_wrong_one_is_not", pins),
    (
        "a_fingerprint_of_pgbackrest_works_in_its_forms",
        fingerprint,
    ),
    ("a_check_that_is_none_warns_each_run", none),
    ("accept_new_adds_the_host_once_with_its_port", accept_new),
    ("a_server_on_ipv6_is_known_by_its_bracketed_address", ipv6),
    ("what_was_negotiated_is_logged_at_detail", negotiated),
];

/// A refusal because of the server's identity: nothing of ours may have reached it.
fn refuse_unseen(
    stage: &Stage<'_>,
    changes: Options<'_>,
    says: &[&str],
    hints: &[&str],
) -> Result<Outcome> {
    let outcome = refuse(stage, changes, 101, says, hints)?;
    unseen(stage)?;
    Ok(outcome)
}

fn unseen(stage: &Stage<'_>) -> TestResult {
    let log = stage.server.log_text();
    if log.contains("authenticating user") || log.contains("publickey") {
        return Err(format!("the server saw a login:\n{log}").into());
    }
    Ok(())
}

fn public_key(stage: &Stage<'_>) -> Result<String> {
    let text = std::fs::read_to_string(stage.server.known_hosts())?;
    Ok(text
        .split_once(' ')
        .ok_or("no key in known_hosts")?
        .1
        .trim()
        .to_owned())
}

fn port(stage: &Stage<'_>) -> u16 {
    stage.server.address().port()
}

fn unknown_host(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let empty = stage.scratch.write("empty", "")?.display().to_string();
    let missing = stage.scratch.join("none").display().to_string();
    let fingerprint = stage.server.fingerprint()?;
    let offered = format!(
        "offered ED25519 {fingerprint}, looked for '[127.0.0.1]:{}' in",
        port(&stage)
    );
    let known = |file: &str| vec![("repo1-sftp-known-host".to_owned(), file.to_owned())];
    for (file, state) in [(&empty, ""), (&missing, "(missing)")] {
        let keyscan = format!("ssh-keyscan -p {} 127.0.0.1 >> '{file}'", port(&stage));
        let changes = known(file);
        let changes: Vec<_> = changes
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        refuse_unseen(
            &stage,
            &changes,
            &[
                "known hosts failure: '127.0.0.1' not found in known hosts files",
                &offered,
                file,
                state,
                "check type [strict]",
            ],
            &[
                "ssh-keygen -l -f",
                &keyscan,
                "pgkeep --fingerprint=SHA256:… sftp-setup",
            ],
        )?;
    }
    let segment = stage.scratch.join("data/pg_wal/000000010000000000000001");
    let segment = segment.display().to_string();
    let copy = format!("--pg1-path={}", stage.scratch.make_dir("copy")?.display());
    let changes = [("repo1-sftp-known-host", empty.as_str())];
    // Each repository may fail by itself: that has a code of its own.
    let collected = stage.ours_with(&changes, &["expire"])?;
    check(
        collected,
        104,
        &["[101]: repo1: unable to connect to"],
        &["ssh-keyscan"],
    )?;
    let pushed = stage.ours_with(&changes, &["archive-push", &segment])?;
    check(
        pushed,
        103,
        &["repo1: [ServiceError] unable to connect to"],
        &["ssh-keyscan"],
    )?;
    let got = stage.ours_with(
        &changes,
        &["archive-get", "000000010000000000000001", &segment],
    )?;
    check(
        got,
        103,
        &["repo1: [ServiceError] unable to connect to"],
        &["ssh-keyscan"],
    )?;
    for command in [
        &["--no-online", "backup"][..],
        &["verify"],
        &["repo-ls"],
        &["--set=20260101-000000F", "manifest"],
        &["repo-get", "x"],
        &[copy.as_str(), "restore"],
    ] {
        let outcome = stage.ours_with(&changes, command)?;
        check(
            outcome,
            101,
            &["not found in known hosts files"],
            &["ssh-keyscan"],
        )?;
        unseen(&stage)?;
    }
    Ok(())
}

fn changed_key(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[])?;
    let expected = stage.server.fingerprint()?;
    stage.server.new_host_key()?;
    stage.server.restart()?;
    let offered = stage.server.fingerprint()?;
    refuse_unseen(
        &stage,
        &[],
        &[
            "known hosts failure: '127.0.0.1' mismatch in known hosts files",
            &format!("offered ED25519 {offered}, expected ED25519 {expected} (line 1 of '"),
        ],
        &[
            "someone may be between",
            &format!("ssh-keygen -R '[127.0.0.1]:{}' -f '", port(&stage)),
        ],
    )?;
    // accept-new is for unknown hosts, not for changed ones.
    refuse_unseen(
        &stage,
        &[("repo1-sftp-host-key-check-type", "accept-new")],
        &["mismatch in known hosts files", "check type [accept-new]"],
        &["ssh-keygen -R"],
    )?;
    Ok(())
}

fn revoked_key(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let key = public_key(&stage)?;
    let name = format!("[127.0.0.1]:{}", port(&stage));
    let file = stage
        .scratch
        .write("revoked", format!("{name} {key}\n@revoked * {key}\n"))?
        .display()
        .to_string();
    refuse_unseen(
        &stage,
        &[("repo1-sftp-known-host", &file)],
        &[&format!("which is revoked in line 2 of '{file}'")],
        &["new host key made on the server"],
    )?;
    Ok(())
}

fn keygen(arguments: &[&str]) -> TestResult {
    run(Command::new("ssh-keygen").arg("-q").args(arguments))?.success()?;
    Ok(())
}

/// A server whose host certificate is signed by an authority; the known hosts file names another one.
fn wrong_authority(program: &Program) -> TestResult {
    let dir = pgkeep_testkit::scratch::Scratch::new()?;
    let path = |name: &str| dir.join(name).display().to_string();
    for name in ["right", "wrong", "host"] {
        keygen(&["-N", "", "-t", "ed25519", "-f", &path(name)])?;
    }
    keygen(&[
        "-s",
        &path("right"),
        "-I",
        "host",
        "-h",
        "-n",
        "127.0.0.1",
        &path("host.pub"),
    ])?;
    dir.account().own_tree(dir.path())?;
    let server = SftpServer::builder()
        .line(format!("HostKey {}", path("host")))
        .line(format!("HostCertificate {}", path("host-cert.pub")));
    let stage = Stage::on(program, server, &[])?;
    let authority = |name: &str| -> Result<String> {
        let key = std::fs::read_to_string(path(&format!("{name}.pub")))?;
        let file = stage.scratch.write(
            format!("known.{name}"),
            format!("@cert-authority [127.0.0.1]:{} {key}", port(&stage)),
        )?;
        Ok(file.display().to_string())
    };
    let wrong = authority("wrong")?;
    refuse_unseen(
        &stage,
        &[("repo1-sftp-known-host", &wrong)],
        &[
            "host certificate of '127.0.0.1' refused: it is signed by",
            "which no @cert-authority line names",
        ],
        &["ssh-keygen -L -f"],
    )?;
    let right = authority("right")?;
    stage
        .ours_with(&[("repo1-sftp-known-host", &right)], CREATE)?
        .success()?;
    Ok(())
}

fn downgraded(program: &Program) -> TestResult {
    let old = SftpServer::builder()
        .line("KexAlgorithms diffie-hellman-group14-sha1")
        .line("HostKeyAlgorithms ssh-rsa,ssh-ed25519")
        .line("Ciphers aes128-ctr")
        .line("MACs hmac-sha1");
    let stage = Stage::on(program, old, &[])?;
    refuse_unseen(
        &stage,
        &[],
        &[
            "no common algorithm for Kex: we offer mlkem768x25519-sha256,",
            "the server diffie-hellman-group14-sha1",
        ],
        &["repo-sftp-algorithm=legacy"],
    )?;
    let legacy = [
        ("repo1-sftp-algorithm", "legacy"),
        ("log-level-console", "detail"),
    ];
    let outcome = stage.ours_with(&legacy, CREATE)?.success()?;
    check(
        outcome,
        0,
        &[
            "DETAIL: SSH server",
            "key exchange diffie-hellman-group14-sha1",
        ],
        &[],
    )?;
    // pgBackRest does not know the option; it is named and left out.
    check(
        stage.outcome_with(&legacy, CREATE)?,
        101,
        &[
            "configuration file contains invalid option 'repo1-sftp-algorithm'",
            "no common algorithm",
        ],
        &[],
    )?;
    Ok(())
}

fn pins(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("repo1-sftp-known-host", "")])?;
    let sha256 = stage.server.fingerprint()?;
    let key = public_key(&stage)?;
    let file = stage.scratch.write("host.pub", &key)?.display().to_string();
    let md5 = run(Command::new("ssh-keygen").args(["-l", "-E", "md5", "-f", &file]))?.success()?;
    let md5 = md5
        .stdout
        .split_whitespace()
        .nth(1)
        .ok_or("no MD5")?
        .to_owned();
    let other = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDVIbxtBhSuaqOjEXo";
    const PIN: &str = "repo1-sftp-host-pin";
    for right in [
        &sha256,
        &md5,
        &md5.trim_start_matches("MD5:").replace(':', ""),
    ] {
        stage
            .ours_with(&[(PIN, other), (PIN, right)], CREATE)?
            .success()
            .map_err(|error| format!("{right}: {error}"))?;
    }
    let stage = Stage::new(program, &[("repo1-sftp-known-host", "")])?;
    refuse_unseen(
        &stage,
        &[
            (PIN, other),
            (PIN, "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"),
        ],
        &[
            "do not match",
            "(repo-sftp-host-pin)",
            other,
            &format!("offered: ED25519 {}", stage.server.fingerprint()?),
        ],
        &[
            "ssh-keygen -l -f",
            "repo-sftp-host-pin, which may be given several times",
        ],
    )?;
    refuse_unseen(
        &stage,
        &[(PIN, "sha256-of-it")],
        &["is neither hex nor 'SHA256:' and base64"],
        &["ssh-keygen -l -f"],
    )?;
    check(
        stage.ours_with(
            &[(PIN, other), ("repo1-sftp-host-key-check-type", "none")],
            CREATE,
        )?,
        31,
        &["option 'repo1-sftp-host-pin' not valid with option"],
        &["remove option"],
    )?;
    Ok(())
}

fn fingerprint(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        &[
            ("repo1-sftp-known-host", ""),
            ("repo1-sftp-host-key-check-type", "fingerprint"),
        ],
    )?;
    const FINGERPRINT: &str = "repo1-sftp-host-fingerprint";
    const HASH: &str = "repo1-sftp-host-key-hash-type";
    let blob = stage.scratch.write("host.pub", public_key(&stage)?)?;
    for hash in ["md5", "sha1", "sha256"] {
        // As pgBackRest's manual tells its users to get it.
        let script = format!(
            "cut -d' ' -f2 '{}' | base64 -d | {hash}sum | cut -d' ' -f1",
            blob.display()
        );
        let hex = run(Command::new("sh").args(["-c", &script]))?
            .success()?
            .stdout;
        stage
            .outcome_with(&[(FINGERPRINT, hex.trim()), (HASH, hash)], CREATE)?
            .success()?;
    }
    let fresh = Stage::new(
        program,
        &[
            ("repo1-sftp-known-host", ""),
            ("repo1-sftp-host-key-check-type", "fingerprint"),
        ],
    )?;
    let outcome = fresh.outcome_with(&[(FINGERPRINT, "abcd"), (HASH, "md5")], CREATE)?;
    check(
        outcome,
        101,
        &["'abcd' has 2 bytes where md5 has 16"],
        &["ssh-keygen -l -f"],
    )?;
    let wrong = "00".repeat(32);
    let outcome = fresh.outcome_with(&[(FINGERPRINT, &wrong), (HASH, "sha256")], CREATE)?;
    let says =
        format!("and configured fingerprint (repo-sftp-host-fingerprint) [{wrong}] do not match");
    check(outcome, 101, &[&says], &["someone may be between"])?;
    unseen(&fresh)?;
    for missing in [&[(HASH, "md5")][..], &[(FINGERPRINT, &wrong)]] {
        let outcome = fresh.outcome_with(missing, CREATE)?;
        check(
            outcome,
            37,
            &["stanza-create command requires option: repo1-sftp-host-"],
            &[],
        )?;
    }
    Ok(())
}

fn none(program: &Program) -> TestResult {
    let stage = Stage::new(
        program,
        &[
            ("repo1-sftp-known-host", ""),
            ("repo1-sftp-host-key-check-type", "none"),
        ],
    )?;
    for _ in 0..2 {
        let outcome = stage.run(CREATE)?;
        if outcome
            .stdout
            .matches("WARN: host key check is off for '127.0.0.1:")
            .count()
            != 1
        {
            return Err(format!("one warning is expected:\n{}", outcome.stdout).into());
        }
    }
    Ok(())
}

fn mode_of(file: &Path) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o7777)
}

/// A known hosts file that does not exist yet, in a directory that does not either.
fn new_file(stage: &Stage<'_>) -> Result<PathBuf> {
    Ok(stage.scratch.make_dir("home")?.join(".ssh/known_hosts"))
}

fn accept_new(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("repo1-sftp-host-key-check-type", "accept-new")])?;
    let file = new_file(&stage)?;
    let shown = file.display().to_string();
    let changes = [("repo1-sftp-known-host", shown.as_str())];
    let outcome = stage.ours_with(&changes, CREATE)?;
    let name = format!("[127.0.0.1]:{}", port(&stage));
    check(
        outcome,
        0,
        &[
            &format!(
                "WARN: host '127.0.0.1' not found in known hosts files, attempting to add host to '{shown}'"
            ),
            &format!(
                "added new host '{name}' (ED25519 {})",
                stage.server.fingerprint()?
            ),
        ],
        &[],
    )?;
    let expect = format!("{name} {} Generated from pgBackRest\n", public_key(&stage)?);
    let text = std::fs::read_to_string(&file)?;
    if text != expect {
        return Err(format!("written:\n{text}expected:\n{expect}").into());
    }
    let modes = (mode_of(&file)?, mode_of(file.parent().ok_or("no parent")?)?);
    if modes != (0o600, 0o700) {
        return Err(format!("modes {:o} {:o}", modes.0, modes.1).into());
    }
    // Known from now on, also to OpenSSH.
    let second = stage.ours_with(&changes, CREATE)?.success()?;
    if second.stdout.contains("WARN: host") || std::fs::read_to_string(&file)? != expect {
        return Err(format!("added again:\n{}", second.stdout).into());
    }
    stage
        .ours_with(
            &[changes[0], ("repo1-sftp-host-key-check-type", "strict")],
            CREATE,
        )?
        .success()?;
    let found = run(Command::new("ssh-keygen").args(["-F", &name, "-f", &shown]))?.success()?;
    if !found.stdout.contains("found: line 1") {
        return Err(found.stdout.into());
    }
    // What stands in the file before stays; a file that is not ours to write is passed over.
    let old = stage
        .scratch
        .write("home/old", "# mine\nother ssh-ed25519 AAAA")?;
    let hosts = "/etc/hosts";
    let old_shown = old.display().to_string();
    let both = [
        ("repo1-sftp-known-host", hosts),
        ("repo1-sftp-known-host", old_shown.as_str()),
    ];
    stage.ours_with(&both, CREATE)?.success()?;
    let text = std::fs::read_to_string(&old)?;
    if text != format!("# mine\nother ssh-ed25519 AAAA\n{expect}") {
        return Err(text.into());
    }
    Ok(())
}

fn ipv6(program: &Program) -> TestResult {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return Err(pgkeep_testkit::error::Error::missing("IPv6 on loopback").into());
    }
    let stage = Stage::on(program, SftpServer::builder().ipv6(), &[])?;
    stage.ours_with(&[], CREATE)?.success()?;
    let file = new_file(&stage)?.display().to_string();
    let name = format!("[::1]:{}", port(&stage));
    let changes = [("repo1-sftp-known-host", file.as_str())];
    let says = format!("looked for '{name}' in");
    check(
        stage.ours_with(&changes, CREATE)?,
        101,
        &[&says],
        &["ssh-keyscan"],
    )?;
    let accept = [changes[0], ("repo1-sftp-host-key-check-type", "accept-new")];
    stage.ours_with(&accept, CREATE)?.success()?;
    let text = std::fs::read_to_string(&file)?;
    if !text.starts_with(&format!("{name} ssh-ed25519 ")) {
        return Err(text.into());
    }
    Ok(())
}

fn negotiated(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("log-level-console", "detail")])?;
    let outcome = stage.run(CREATE)?;
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.contains("DETAIL: SSH server 'SSH-2.0-OpenSSH"))
        .ok_or_else(|| format!("nothing at detail:\n{}", outcome.stdout))?;
    for what in ["key exchange ", "host key ssh-ed25519", "cipher ", "mac "] {
        if !line.contains(what) {
            return Err(format!("no '{what}' in: {line}").into());
        }
    }
    if line.contains("sha1") || line.contains("cbc") {
        return Err(line.into());
    }
    Ok(())
}
