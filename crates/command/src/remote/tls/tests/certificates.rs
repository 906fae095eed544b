//! Certificates for tests, made by the openssl program: any version, names and dates.
#![allow(clippy::disallowed_methods)] // makes the files that are read

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::super::certificate::{AlternativeName, Certificate};
use super::super::files::chain;
use super::super::{Identity, load_authorities, names};
use crate::error::ErrorCode;
use crate::run::context::User;

/// A directory with authorities and certificates. Made once for all tests.
pub(super) struct Made(TempDir);

pub(super) fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Made(tempfile::tempdir().unwrap());
        made.authority("ca");
        made.authority("other");
        let names = "subjectAltName=DNS:localhost,DNS:*.example.com,IP:127.0.0.1";
        made.signed("server", "ca", "/CN=ignored", Some(names), 30);
        // As pgBackRest's guide makes them: version 1, a common name alone.
        made.signed("common", "ca", "/CN=LocalHost", None, 30);
        made.signed("client", "ca", "/CN=pgbackrest-client", None, 30);
        let alternative = Some("subjectAltName=DNS:pg1.example.com,URI:spiffe://x/pg1");
        made.signed("modern", "ca", "/O=x", alternative, 30);
        made.signed("both", "ca", "/CN=client-c", alternative, 30);
        made.signed("expired", "ca", "/CN=localhost", Some(names), -1);
        made.signed("expired1", "ca", "/CN=localhost", None, -1);
        made.signed("foreign", "other", "/CN=localhost", Some(names), 30);
        made.signed("foreign1", "other", "/CN=localhost", None, 30);
        let purpose = Some("extendedKeyUsage=clientAuth\nsubjectAltName=DNS:localhost");
        made.signed("purpose", "ca", "/CN=localhost", purpose, 30);
        made
    })
}

impl Made {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, words: &[&str]) {
        let run = Command::new("openssl")
            .current_dir(self.0.path())
            .args(words)
            .output()
            .expect("openssl is there");
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
    }

    fn key(&self, name: &str) {
        let file = format!("{name}.key");
        let curve = "ec_paramgen_curve:P-256";
        self.openssl(&[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            curve,
            "-out",
            &file,
        ]);
    }

    fn authority(&self, name: &str) {
        self.key(name);
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let subject = format!("/CN={name} authority");
        let words = ["req", "-x509", "-new", "-days", "30", "-key", &key];
        let usage = "subjectAltName=DNS:localhost";
        let rest = ["-subj", &subject, "-addext", usage, "-out", &certificate];
        self.openssl(&[&words[..], &rest[..]].concat());
    }

    fn signed(&self, name: &str, by: &str, subject: &str, extensions: Option<&str>, days: i32) {
        self.key(name);
        let of = |suffix: &str| format!("{name}.{suffix}");
        let (key, request, certificate) = (of("key"), of("csr"), of("crt"));
        self.openssl(&[
            "req", "-new", "-key", &key, "-subj", subject, "-out", &request,
        ]);
        let (ca, ca_key) = (format!("{by}.crt"), format!("{by}.key"));
        let days = days.to_string();
        let mut words = vec![
            "x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key,
        ];
        words.extend(["-CAcreateserial", "-days", &days, "-out", &certificate]);
        let file = of("ext");
        if let Some(extensions) = extensions {
            std::fs::write(self.file(&file), extensions).unwrap();
            words.extend(["-extfile", &file]);
        }
        self.openssl(&words);
    }

    pub(super) fn identity(&self, name: &str) -> Identity {
        let of = |suffix: &str| self.file(&format!("{name}.{suffix}"));
        Identity::load(&of("crt"), &of("key"), &me()).unwrap()
    }

    pub(super) fn authorities(&self, name: &str) -> Vec<CertificateDer<'static>> {
        chain(&self.authorities_pem(name)).unwrap()
    }

    pub(super) fn authorities_pem(&self, name: &str) -> Vec<u8> {
        load_authorities(&self.file(&format!("{name}.crt"))).unwrap()
    }
}

pub(super) fn me() -> User {
    User {
        uid: rustix::process::geteuid().as_raw(),
        gid: 0,
        name: "me".to_owned(),
        group: "me".to_owned(),
        home: None,
    }
}

#[test]
fn certificates_of_both_versions_are_read() {
    let read = |name: &str, look: &dyn Fn(&Certificate<'_>)| {
        let chain = made().authorities(name);
        look(&Certificate::read(&chain[0]).unwrap());
    };
    read("ca", &|ca| {
        assert!(ca.is_own_issuer());
        assert_eq!(ca.authority, Some(true));
    });
    read("server", &|server| {
        assert_eq!((server.version, server.authority), (3, None));
        assert_eq!(server.common_name, Some(&b"ignored"[..]));
        let last = server.alternative_names.last();
        assert_eq!(last, Some(&AlternativeName::Address(&[127, 0, 0, 1])));
        assert!(names::is_for_host(server, "127.0.0.1"));
        assert!(names::is_for_host(server, "A.example.com"));
        // Where there are alternative names the common name does not count.
        assert!(!names::is_for_host(server, "ignored"));
    });
    read("common", &|common| {
        assert_eq!(common.version, 1, "as pgBackRest's guide makes it");
        assert!(names::is_for_host(common, "localhost"));
        assert!(!names::is_for_host(common, "127.0.0.1"));
        assert_eq!(common.not_after - common.not_before, 30 * 86_400);
    });
}

#[test]
fn a_client_is_known_by_its_common_name_and_only_without_one_by_others() {
    let known = |name: &str| {
        let chain = made().authorities(name);
        names::of_client(&Certificate::read(&chain[0]).unwrap())
    };
    assert_eq!(known("client"), ["pgbackrest-client"]);
    assert_eq!(known("modern"), ["pg1.example.com", "spiffe://x/pg1"]);
    assert_eq!(known("both"), ["client-c"]);
}

#[test]
fn a_damaged_certificate_is_never_a_panic() {
    let chain = made().authorities("server");
    for at in 0..chain[0].len() {
        for bit in 0..8 {
            let mut bytes = chain[0].to_vec();
            bytes[at] ^= 1 << bit;
            if let Some(read) = Certificate::read(&bytes) {
                names::is_for_host(&read, "localhost");
                names::of_client(&read);
            }
            assert!(Certificate::read(&bytes[..at]).is_none());
        }
    }
}

fn refused(certificate: &Path, key: &Path, user: &User) -> (ErrorCode, String) {
    let error = Identity::load(certificate, key, user).unwrap_err();
    (error.code, error.message)
}

#[test]
fn files_that_cannot_be_used_are_told_with_pgbackrests_codes() {
    let made = made();
    let (certificate, key) = (made.file("server.crt"), made.file("server.key"));
    let missing = made.file("none");
    let of = |path: &Path| path.display().to_string();
    assert_eq!(
        refused(&missing, &key, &me()),
        (
            ErrorCode::Crypto,
            format!(
                "unable to load cert file '{}': No such file or directory",
                of(&missing)
            )
        )
    );
    let (code, message) = refused(&certificate, &made.file("client.key"), &me());
    assert_eq!(code, ErrorCode::Crypto);
    assert!(
        message.ends_with("client.key': key values mismatch"),
        "{message}"
    );
    let (code, message) = refused(&key, &key, &me());
    assert_eq!(code, ErrorCode::Crypto);
    assert!(
        message.ends_with("there is no certificate in it"),
        "{message}"
    );
    let (code, message) = refused(&certificate, &certificate, &me());
    // Its mode is what is seen first.
    assert_eq!(code, ErrorCode::FileRead, "{message}");
    let error = load_authorities(&missing).unwrap_err();
    assert_eq!(error.code, ErrorCode::Crypto);
    assert!(
        error.message.starts_with("unable to load CA file '"),
        "{error}"
    );
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let made = made();
    let key = made.file("shown.key");
    std::fs::copy(made.file("server.key"), &key).unwrap();
    let certificate = made.file("server.crt");
    // A file of root's may be readable by its group, one of one's own may not.
    let root = me().uid == 0;
    for (mode, usable) in [
        (0o600, true),
        (0o400, true),
        (0o640, false),
        (0o604, false),
        (0o660, false),
    ] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = Identity::load(&certificate, &key, &me());
        assert_eq!(loaded.is_ok(), usable, "{mode:o}");
        if let Err(error) = loaded {
            assert_eq!(error.code, ErrorCode::FileRead);
            assert_eq!(
                error.message,
                format!(
                    "key file '{}' has group or other permissions",
                    key.display()
                )
            );
            assert_eq!(error.hints.len(), 2);
        }
        let somebody = User { uid: 4242, ..me() };
        let loaded = Identity::load(&certificate, &key, &somebody);
        let usable = root && mode & 0o037 == 0;
        assert_eq!(loaded.is_ok(), usable, "{mode:o} of another user");
        if let (Err(error), false) = (loaded, root) {
            assert!(
                error
                    .message
                    .ends_with("must be owned by the 'me' user or root")
            );
        }
    }
}
