//! Identity and login against a real server: keys of every kind, certificates, agent, and an impostor.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgkeep_storage::sftp::{HashType, HostKeyCheck, SftpSettings, SftpStorage};
use pgkeep_storage::{ErrorKind, InfoLevel, Storage, StoragePath};
use pgkeep_testkit::account::Account;
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{settings, settings_at};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test(
            "an_unknown_host_is_refused_and_nothing_is_sent",
            unknown_host,
        )
        .test("every_address_of_a_name_is_tried", addresses)
        .test(
            "a_changed_host_key_is_refused_also_when_connecting_again",
            changed_key,
        )
        .test(
            "accept_new_adds_the_host_and_the_next_run_is_strict",
            accept_new,
        )
        .test(
            "a_fingerprint_of_any_of_the_servers_keys_is_found",
            fingerprints,
        )
        .test("client_keys_of_every_kind_log_in", client_keys)
        .test("a_user_certificate_logs_in", certificate)
        .test("an_agent_logs_in", agent)
        .test("an_old_servers_algorithms_need_the_legacy_setting", legacy)
}

fn works(settings: SftpSettings) -> pgkeep_storage::Result<()> {
    SftpStorage::new(settings)?
        .info(&StoragePath::root(), InfoLevel::Basic)
        .map(drop)
}

fn unknown_host() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    let dir = tempfile::tempdir()?;
    settings.known_hosts = Some(vec![dir.path().join("known_hosts")]);
    let error = works(settings).expect_err("nobody knows the host");
    assert_eq!(error.kind, ErrorKind::Identity);
    assert!(
        error
            .to_string()
            .contains("not found in known hosts files: offered ED25519 SHA256:"),
        "{error}"
    );
    assert!(error.to_string().contains("(missing)"), "{error}");
    assert!(
        !server.log_text().contains("publickey"),
        "the server must not have seen a login:\n{}",
        server.log_text()
    );
    Ok(())
}

fn changed_key() -> TestResult {
    let mut server = SftpServer::builder().start()?;
    // Sessions outlive a restart of sshd: the proxy ends them.
    let proxy = Network::new().to(server.address())?;
    let settings = settings_at(&server, proxy.address())?;
    let storage = SftpStorage::new(settings.clone())?;
    storage.info(&StoragePath::root(), InfoLevel::Basic)?;
    server.new_host_key()?;
    server.restart()?;
    proxy.cut_all();
    let error = storage
        .info(&StoragePath::root(), InfoLevel::Basic)
        .expect_err("the key is another one");
    assert_eq!(error.kind, ErrorKind::Identity, "{error}");
    assert!(
        error.to_string().contains("changed during the run"),
        "{error}"
    );
    let error = works(settings).expect_err("the key is another one");
    assert!(
        error.to_string().contains("mismatch in known hosts files"),
        "{error}"
    );
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("ssh-keygen -R")),
        "{:?}",
        error.hints
    );
    Ok(())
}

fn accept_new() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    let home = tempfile::tempdir()?;
    settings.known_hosts = None;
    settings.home = Some(home.path().to_owned());
    settings.host_key_check = HostKeyCheck::AcceptNew;
    works(settings.clone())?;
    let text = std::fs::read_to_string(home.path().join(".ssh/known_hosts"))?;
    assert!(
        text.starts_with(&format!(
            "[127.0.0.1]:{} ssh-ed25519 ",
            server.address().port()
        )),
        "{text}"
    );
    settings.host_key_check = HostKeyCheck::Strict;
    works(settings)?;
    Ok(())
}

fn keygen(file: &Path, arguments: &[&str]) -> TestResult {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-f"])
        .arg(file)
        .args(arguments)
        .status()?;
    if made.success() {
        Ok(())
    } else {
        Err("ssh-keygen failed".into())
    }
}

fn fingerprints() -> TestResult {
    let dir = tempfile::tempdir()?;
    let ecdsa = dir.path().join("ecdsa");
    keygen(&ecdsa, &["-t", "ecdsa"])?;
    Account::server()?.own_tree(dir.path())?;
    let server = SftpServer::builder()
        .line(format!("HostKey {}", ecdsa.display()))
        .start()?;
    let mut settings = settings(&server)?;
    settings.known_hosts = None;
    settings.host_key_check = HostKeyCheck::Fingerprint;
    let print = |hash: &str| -> Result<String, Box<dyn std::error::Error>> {
        let said = Command::new("ssh-keygen")
            .args(["-l", "-E", hash, "-f"])
            .arg(&ecdsa)
            .output()?;
        let text = String::from_utf8(said.stdout)?;
        Ok(text
            .split_whitespace()
            .nth(1)
            .ok_or("ssh-keygen said nothing")?
            .to_owned())
    };
    let (sha256, md5) = (print("sha256")?, print("md5")?);
    let hex = md5.trim_start_matches("MD5:").replace(':', "");
    for (hash_type, text) in [
        (None, server.fingerprint()?),
        (None, sha256),
        (None, md5),
        (Some(HashType::Md5), hex),
    ] {
        settings.hash_type = hash_type;
        settings.fingerprints = vec![
            "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
            text,
        ];
        if hash_type.is_some() {
            settings.fingerprints.remove(0);
        }
        works(settings.clone())?;
    }
    settings.hash_type = None;
    settings.fingerprints = vec!["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()];
    let error = works(settings).expect_err("no key has it");
    assert_eq!(error.kind, ErrorKind::Identity, "{error}");
    Ok(())
}

/// Lets the server accept `public`, besides its usual key.
fn authorize(server: &SftpServer, line: &str) -> TestResult {
    let file = server.private_key().with_file_name("authorized_keys");
    let mut text = std::fs::read_to_string(&file)?;
    text.push_str(line);
    std::fs::write(&file, text)?;
    Ok(())
}

fn client_keys() -> TestResult {
    let server = SftpServer::builder().start()?;
    let dir = tempfile::tempdir()?;
    let kinds: [&[&str]; 6] = [
        &["-t", "ed25519"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "521"],
        &["-t", "rsa", "-b", "2048"],
        &["-t", "rsa", "-b", "4096"],
        &["-t", "rsa", "-b", "3072", "-m", "PEM"],
    ];
    for (index, kind) in kinds.iter().enumerate() {
        let file = dir.path().join(format!("key{index}"));
        keygen(&file, kind)?;
        authorize(
            &server,
            &std::fs::read_to_string(file.with_extension("pub"))?,
        )?;
        let mut settings = settings(&server)?;
        settings.private_key_file = Some(file);
        works(settings).map_err(|error| format!("{kind:?}: {error}"))?;
    }
    Ok(())
}

fn certificate() -> TestResult {
    let server = SftpServer::builder().start()?;
    let dir = tempfile::tempdir()?;
    let ca = dir.path().join("ca");
    keygen(&ca, &["-t", "ed25519"])?;
    authorize(
        &server,
        &format!(
            "cert-authority {}",
            std::fs::read_to_string(ca.with_extension("pub"))?
        ),
    )?;
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let file = dir.path().join(format!("key-{}", kind[1]));
        keygen(&file, kind)?;
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(&ca)
            .args(["-I", "test", "-n", server.user()])
            .arg(file.with_extension("pub"))
            .status()?;
        assert!(signed.success());
        let mut settings = settings(&server)?;
        settings.private_key_file = Some(file);
        works(settings).map_err(|error| format!("{kind:?}: {error}"))?;
    }
    Ok(())
}

struct Agent(Child, PathBuf);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent() -> TestResult {
    let server = SftpServer::builder().start()?;
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("agent");
    let child = Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(pgkeep_testkit::error::Error::missing("ssh-agent").into());
        }
        Err(error) => return Err(error.into()),
    };
    let agent = Agent(child, socket.clone());
    while !socket.exists() {
        std::thread::yield_now();
    }
    let mut settings = settings(&server)?;
    settings.private_key_file = None;
    settings.agent_socket = Some(socket);
    let error = works(settings.clone()).expect_err("the agent holds nothing");
    assert!(error.to_string().contains("holds 0 keys"), "{error}");
    for kind in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]] {
        let file = dir.path().join(format!("key-{}", kind[1]));
        keygen(&file, kind)?;
        authorize(
            &server,
            &std::fs::read_to_string(file.with_extension("pub"))?,
        )?;
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(&file)
            .env("SSH_AUTH_SOCK", &agent.1)
            .status()?;
        assert!(added.success());
        settings.public_key_file = Some(file.with_extension("pub"));
        works(settings.clone()).map_err(|error| format!("{kind:?}: {error}"))?;
    }
    settings.public_key_file = None;
    works(settings)?;
    Ok(())
}

fn legacy() -> TestResult {
    let server = SftpServer::builder()
        .line("KexAlgorithms diffie-hellman-group14-sha256")
        .line("Ciphers aes128-ctr")
        .line("MACs hmac-sha2-256")
        .start()?;
    let mut settings = settings(&server)?;
    let error = works(settings.clone()).expect_err("the server has only old algorithms");
    assert_eq!(error.kind, ErrorKind::Identity, "{error}");
    assert!(
        error
            .to_string()
            .contains("no common algorithm for Kex: we offer mlkem768x25519-sha256,"),
        "{error}"
    );
    settings.legacy_algorithms = true;
    works(settings)?;
    Ok(())
}

/// `localhost` usually has two addresses, and the server listens on one of them.
fn addresses() -> TestResult {
    let server = SftpServer::builder().start()?;
    let dir = tempfile::tempdir()?;
    let mut settings = settings(&server)?;
    let known = std::fs::read_to_string(server.known_hosts())?.replace("127.0.0.1", "localhost");
    let file = dir.path().join("known_hosts");
    std::fs::write(&file, known)?;
    settings.host = "localhost".into();
    settings.known_hosts = Some(vec![file]);
    works(settings)?;
    Ok(())
}
