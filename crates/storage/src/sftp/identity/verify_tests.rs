//! Every way a server can be, or not be, the one that was meant. Keys are made by `ssh-keygen`.
#![allow(clippy::disallowed_methods)] // tests prepare and look at files

use std::path::PathBuf;
use std::process::Command;

use ssh_key::HashAlg;

use super::*;

struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key(&self, name: &str, kind: &str) -> PublicKey {
        let path = self.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-t", kind, "-f"])
            .arg(&path)
            .status();
        assert!(
            made.unwrap().success(),
            "ssh-keygen is part of openssh-client"
        );
        PublicKey::from_openssh(
            std::fs::read_to_string(path.with_extension("pub"))
                .unwrap()
                .trim(),
        )
        .unwrap()
    }

    /// Signs `<name>.pub` with the key `<ca>`.
    fn certify(&self, ca: &str, name: &str, options: &[&str]) -> Certificate {
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(self.path(ca))
            .args(["-I", "test"])
            .args(options)
            .arg(self.path(name).with_extension("pub"))
            .status();
        assert!(signed.unwrap().success());
        Certificate::from_openssh(
            std::fs::read_to_string(self.path(&format!("{name}-cert.pub")))
                .unwrap()
                .trim(),
        )
        .unwrap()
    }

    fn settings(&self, known_hosts: &str) -> SftpSettings {
        std::fs::write(self.path("known_hosts"), known_hosts).unwrap();
        let mut settings = SftpSettings::new("host.example.org", "u", "/r");
        settings.known_hosts = Some(vec![self.path("known_hosts")]);
        settings.home = Some(self.dir.path().to_owned());
        settings
    }
}

fn line(hosts: &str, key: &PublicKey) -> String {
    let mut key = key.clone();
    key.set_comment("");
    format!("{hosts} {}\n", key.to_openssh().unwrap())
}

fn refusal(settings: &SftpSettings, key: &PublicKey, certificate: Option<&Certificate>) -> Error {
    let error = Verifier::new(settings)
        .unwrap()
        .check(key, certificate)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Identity);
    assert!(!error.hints.is_empty(), "{error}");
    error
}

#[test]
fn strict_takes_a_known_key_and_nothing_else() {
    let desk = Desk::new();
    let (known, other) = (desk.key("a", "ed25519"), desk.key("b", "ed25519"));
    let mut settings = desk.settings(&line("host.example.org", &known));
    Verifier::new(&settings)
        .unwrap()
        .check(&known, None)
        .unwrap();
    let error = refusal(&settings, &other, None).to_string();
    assert!(
        error.contains("mismatch in known hosts files: offered ED25519 SHA256:")
            && error.contains("line 1 of"),
        "{error}"
    );
    settings.host = "elsewhere.example.org".into();
    let error = refusal(&settings, &known, None);
    assert!(
        error
            .to_string()
            .contains("'elsewhere.example.org' not found in known hosts files"),
        "{error}"
    );
    assert!(error.hints[1].contains("ssh-keyscan -p 22 elsewhere.example.org >>"));
}

#[test]
fn a_host_known_by_another_kind_of_key_is_asked_for_that_kind_first() {
    let desk = Desk::new();
    let rsa = desk.key("a", "rsa");
    let verifier = Verifier::new(&desk.settings(&line("host.example.org", &rsa))).unwrap();
    assert!(matches!(verifier.offer().keys[0], Algorithm::Rsa { .. }));
    let ecdsa = desk.key("b", "ecdsa");
    let error = verifier.check(&ecdsa, None).unwrap_err();
    assert!(error.to_string().contains("offered ECDSA"), "{error}");
}

#[test]
fn a_bare_name_stands_for_other_ports_where_no_line_names_the_port() {
    let desk = Desk::new();
    let (a, b) = (desk.key("a", "ed25519"), desk.key("b", "ed25519"));
    let mut settings = desk.settings(&line("host.example.org", &a));
    settings.port = 2222;
    Verifier::new(&settings).unwrap().check(&a, None).unwrap();
    let mut settings =
        desk.settings(&(line("host.example.org", &a) + &line("[host.example.org]:2222", &b)));
    settings.port = 2222;
    Verifier::new(&settings).unwrap().check(&b, None).unwrap();
    refusal(&settings, &a, None);
}

#[test]
fn a_revoked_key_is_refused_even_where_another_line_knows_it() {
    let desk = Desk::new();
    let key = desk.key("a", "ed25519");
    let settings = desk.settings(&(line("host.example.org", &key) + &line("@revoked *", &key)));
    assert!(
        refusal(&settings, &key, None)
            .to_string()
            .contains("revoked in line 2")
    );
}

#[test]
fn accept_new_remembers_an_unknown_host_and_refuses_a_changed_key() {
    let desk = Desk::new();
    let (first, second) = (desk.key("a", "ed25519"), desk.key("b", "ecdsa"));
    let mut settings = desk.settings("# mine\n");
    settings.host_key_check = HostKeyCheck::AcceptNew;
    settings.port = 2222;
    Verifier::new(&settings)
        .unwrap()
        .check(&first, None)
        .unwrap();
    let text = std::fs::read_to_string(desk.path("known_hosts")).unwrap();
    assert!(
        text.starts_with("# mine\n[host.example.org]:2222 ssh-ed25519 "),
        "{text}"
    );
    Verifier::new(&settings)
        .unwrap()
        .check(&first, None)
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(desk.path("known_hosts")).unwrap(),
        text
    );
    refusal(&settings, &second, None);
}

#[test]
fn a_second_connection_must_show_the_first_ones_key_whatever_the_check() {
    let desk = Desk::new();
    let (first, second) = (desk.key("a", "ed25519"), desk.key("b", "ed25519"));
    let mut settings = desk.settings("");
    settings.host_key_check = HostKeyCheck::None;
    let verifier = Verifier::new(&settings).unwrap();
    verifier.check(&first, None).unwrap();
    verifier.check(&first, None).unwrap();
    assert!(
        verifier
            .check(&second, None)
            .unwrap_err()
            .to_string()
            .contains("changed during the run")
    );
    assert_eq!(verifier.offer().keys, [Algorithm::Ed25519]);
}

#[test]
fn several_pins_let_a_key_be_rotated_and_other_kinds_are_tried() {
    let desk = Desk::new();
    let (old, new, ecdsa) = (
        desk.key("a", "ed25519"),
        desk.key("b", "ed25519"),
        desk.key("c", "ecdsa"),
    );
    let mut settings = desk.settings("");
    settings.host_key_check = HostKeyCheck::Fingerprint;
    settings.fingerprints = vec![
        old.fingerprint(HashAlg::Sha256).to_string(),
        pin::hex(HashType::Sha256, &new.to_bytes().unwrap()),
    ];
    for key in [&old, &new] {
        Verifier::new(&settings).unwrap().check(key, None).unwrap();
    }
    let verifier = Verifier::new(&settings).unwrap();
    let error = verifier.check(&ecdsa, None).unwrap_err().to_string();
    assert!(
        error.contains("configured fingerprint (repo-sftp-host-fingerprint)")
            && error.contains("offered: ECDSA"),
        "{error}"
    );
    assert!(verifier.may_offer_other_kind());
    assert!(!verifier.offer().keys.iter().any(
        |one| matches!(one, Algorithm::Ecdsa { curve } if *curve == ssh_key::EcdsaCurve::NistP256)
    ));
    verifier.check(&new, None).unwrap();
}

#[test]
fn a_host_certificate_counts_only_for_its_host_its_time_and_its_authority() {
    let desk = Desk::new();
    let ca = desk.key("ca", "ed25519");
    desk.key("other-ca", "ed25519");
    let host = desk.key("host", "ed25519");
    let settings = desk.settings(&line("@cert-authority *.example.org", &ca));
    let check = |certificate: &Certificate| {
        Verifier::new(&settings)
            .unwrap()
            .check(&host, Some(certificate))
    };

    let right = desk.certify("ca", "host", &["-h", "-n", "host.example.org"]);
    check(&right).unwrap();
    assert!(
        !Verifier::new(&settings)
            .unwrap()
            .offer()
            .certificates
            .is_empty()
    );
    for (ca, options, why) in [
        (
            "other-ca",
            &["-h", "-n", "host.example.org"][..],
            "no @cert-authority line",
        ),
        (
            "ca",
            &["-h", "-n", "elsewhere.example.org"],
            "not for 'host.example.org'",
        ),
        ("ca", &["-h"], "for nobody"),
        ("ca", &["-n", "host.example.org"], "user's certificate"),
        (
            "ca",
            &["-h", "-n", "host.example.org", "-V", "20200101:20200102"],
            "not valid now",
        ),
    ] {
        let certificate = desk.certify(ca, "host", options);
        let error = refusal(&settings, &host, Some(&certificate)).to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    let revoked =
        desk.settings(&(line("@cert-authority *.example.org", &ca) + &line("@revoked *", &ca)));
    assert!(
        refusal(&revoked, &host, Some(&right))
            .to_string()
            .contains("revoked")
    );
}

#[test]
fn a_wrong_fingerprint_in_the_configuration_is_refused_before_connecting() {
    let desk = Desk::new();
    let mut settings = desk.settings("");
    settings.host_key_check = HostKeyCheck::Fingerprint;
    assert!(Verifier::new(&settings).is_err());
    settings.fingerprints = vec!["nonsense".into()];
    assert!(
        Verifier::new(&settings)
            .unwrap_err()
            .to_string()
            .contains("neither hex nor")
    );
}
