//! Who we are: whatever is wrong with user, key, passphrase or agent is told with what was tried.

use std::process::{Child, Command, Stdio};

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::TestResult;

use crate::refused::{CREATE, check, refuse};
use crate::stage::{Stage, mode, own_key};
use crate::{Result, Test};

const KEY: &str = "repo1-sftp-private-key-file";

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a_wrong_user_or_key_is_told_with_what_was_tried", refused),
    (
        "a_key_of_other_addresses_is_told_with_ours",
        other_addresses,
    ),
    ("a_key_file_that_cannot_be_read_is_told", unreadable),
    (
        "a_key_file_open_to_others_is_refused_unless_it_is_not_ours",
        open_to_others,
    ),
    ("a_wrong_passphrase_is_told_and_never_shown", passphrase),
    ("a_dead_agent_is_told_and_a_living_one_logs_in", agent),
];

fn new_key(stage: &Stage<'_>, name: &str, passphrase: &str) -> Result<String> {
    let file = stage.scratch.join(name);
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(&file))?
    .success()?;
    own_key(&stage.scratch, &file)?;
    Ok(file.display().to_string())
}

fn fingerprint(file: &str) -> Result<String> {
    let said = run(Command::new("ssh-keygen").args(["-l", "-f", file]))?
        .success()?
        .stdout;
    Ok(said
        .split_whitespace()
        .nth(1)
        .ok_or("no fingerprint")?
        .to_owned())
}

fn refused(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let user = [("repo1-sftp-host-user", "nobody-here")];
    refuse(
        &stage,
        &user,
        101,
        &[&format!(
            "public key authentication failed: user 'nobody-here', key {}; the server asks for publickey",
            fingerprint(&stage.key().display().to_string())?
        )],
        &[
            "authorized_keys",
            "nobody-here@127.0.0.1",
            "journalctl -u ssh",
        ],
    )?;
    let other = new_key(&stage, "other", "")?;
    let says = format!(
        "user '{}', key {}",
        stage.server.user(),
        fingerprint(&other)?
    );
    refuse(
        &stage,
        &[(KEY, &other)],
        101,
        &[&says],
        &[&format!("-i '{other}'")],
    )?;
    Ok(())
}

/// `from=` in front of the key: the server refuses it as it does an unknown one.
fn other_addresses(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let file = stage.server.private_key().with_file_name("authorized_keys");
    let right = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("from=\"192.0.2.0/24\" {right}"))?;
    let key = fingerprint(&stage.key().display().to_string())?;
    let hint = format!(
        "does a from= in authorized_keys allow key {key} from this host? The server sees it come from 127.0.0.1,"
    );
    refuse(
        &stage,
        &[],
        101,
        &["public key authentication failed"],
        &[&hint],
    )?;
    // With our address in it the key is taken.
    std::fs::write(&file, format!("from=\"192.0.2.0/24,127.0.0.1\" {right}"))?;
    stage.ours_with(&[], CREATE)?.success()?;
    Ok(())
}

fn unreadable(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let missing = stage.scratch.join("missing").display().to_string();
    let says = format!("unable to read private key file '{missing}': No such file or directory");
    refuse(
        &stage,
        &[(KEY, &missing)],
        101,
        &[&says],
        &[&format!("ls -l '{missing}'")],
    )?;
    let denied = stage.scratch.join("denied");
    std::fs::copy(stage.key(), &denied)?;
    stage.scratch.account().own(&denied)?;
    mode(&denied, 0o000)?;
    let denied = denied.display().to_string();
    let says = format!("unable to read private key file '{denied}': Permission denied");
    refuse(
        &stage,
        &[(KEY, &denied)],
        101,
        &[&says],
        &["must be readable"],
    )?;
    let senseless = stage.scratch.write("senseless", "ssh-ed25519 AAAA me\n")?;
    own_key(&stage.scratch, &senseless)?;
    let senseless = senseless.display().to_string();
    let says = format!("unable to use private key file '{senseless}'");
    refuse(
        &stage,
        &[(KEY, &senseless)],
        101,
        &[&says],
        &["not the .pub file"],
    )?;
    Ok(())
}

fn open_to_others(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let open = stage.scratch.join("open");
    std::fs::copy(stage.key(), &open)?;
    stage.scratch.account().own(&open)?;
    mode(&open, 0o640)?;
    let shown = open.display().to_string();
    let says = format!("private key file '{shown}' is open to others (mode 0640)");
    refuse(
        &stage,
        &[(KEY, &shown)],
        101,
        &[&says],
        &[&format!("chmod 600 '{shown}'")],
    )?;
    if !rustix_root() {
        return Ok(());
    }
    // root:<group> 0640, as configuration management likes to place it.
    std::os::unix::fs::chown(&open, Some(0), Some(stage.scratch.account().gid()))?;
    stage.ours_with(&[(KEY, &shown)], CREATE)?.success()?;
    Ok(())
}

fn rustix_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

fn passphrase(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let key = new_key(&stage, "locked", "right horse")?;
    const PASSPHRASE: &str = "repo1-sftp-private-key-passphrase";
    let says = format!("private key file '{key}' is encrypted and no passphrase is given");
    refuse(
        &stage,
        &[(KEY, &key)],
        101,
        &[&says],
        &["set repo-sftp-private-key-passphrase"],
    )?;
    let wrong = refuse(
        &stage,
        &[
            (KEY, &key),
            (PASSPHRASE, "wrong-donkey"),
            ("log-level-console", "trace"),
        ],
        101,
        &["the passphrase is wrong or the file is damaged"],
        &[&format!("ssh-keygen -y -f '{key}'")],
    )?;
    if format!("{}{}", wrong.stdout, wrong.stderr).contains("donkey") {
        return Err("the passphrase was shown".into());
    }
    let public = std::fs::read_to_string(format!("{key}.pub"))?;
    authorize(&stage, &public)?;
    stage
        .ours_with(&[(KEY, &key), (PASSPHRASE, "right horse")], CREATE)?
        .success()?;
    Ok(())
}

fn authorize(stage: &Stage<'_>, public: &str) -> TestResult {
    let file = stage.server.private_key().with_file_name("authorized_keys");
    let mut text = std::fs::read_to_string(&file)?;
    text.push_str(public);
    Ok(std::fs::write(&file, text)?)
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // Ended already: nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[(KEY, "")])?;
    let outcome = stage.ours_with(&[(KEY, "")], CREATE)?;
    check(
        outcome,
        37,
        &["stanza-create command requires option: repo1-sftp-private-key-file"],
        &[],
    )?;
    // A socket has a short name only.
    let place = Scratch::new()?;
    let socket = place.join("agent");
    let shown = socket.display().to_string();
    let options = [(KEY, ""), ("repo1-sftp-agent-socket", shown.as_str())];
    let says = format!("unable to ask the ssh-agent at '{shown}'");
    refuse(&stage, &options, 101, &[&says], &["ssh-add -l"])?;

    let child = place
        .account()
        .command("ssh-agent")
        .args(["-D", "-a", &shown])
        .stdout(Stdio::null())
        .spawn();
    let _agent = Agent(child.map_err(|_| pgkeep_testkit::error::Error::missing("ssh-agent"))?);
    while !socket.exists() {
        std::thread::yield_now();
    }
    let says = format!("the ssh-agent at '{shown}' holds 0 keys");
    refuse(
        &stage,
        &options,
        101,
        &[&says],
        &["ssh-add <private key file>"],
    )?;
    let add = place
        .account()
        .command("ssh-add")
        .args(["-q"])
        .arg(stage.key())
        .env("SSH_AUTH_SOCK", &socket)
        .status()?;
    assert!(add.success());
    stage.ours_with(&options, CREATE)?.success()?;
    // As pgbackrest the option does not exist, and the key file is mandatory as it was.
    let outcome = stage.outcome_with(&options, CREATE)?;
    check(
        outcome,
        37,
        &["requires option: repo1-sftp-private-key-file"],
        &[],
    )?;
    Ok(())
}
