use super::*;
use crate::http::Endpoint;
use crate::http::scripted::{Reply, Scripted};
use crate::s3::Now;

/// 2026-11-28 22:00.
const NOW: i64 = 1_795_903_200;

fn json(key: &str, ends: &str, token: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{key}","SecretAccessKey":"secret-x","{token}":"token-x","Expiration":"{ends}"}}"#
    )
}

fn credentials(keys: KeySource) -> Credentials {
    let endpoint = Endpoint::parse("http://s3.example.org").unwrap();
    let mut settings = S3Settings::new("b", endpoint, "r", keys, Now::new(|| NOW));
    settings.http.verify_tls = false;
    settings.http.io_timeout = std::time::Duration::from_millis(300);
    Credentials::new(&settings, Stop::default()).unwrap()
}

fn keys(credentials: &Credentials, now: i64) -> Result<String, String> {
    asked(credentials, now).map_err(|none| none.reason)
}

fn asked(credentials: &Credentials, now: i64) -> Result<String, NoKeys> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let keys = runtime.block_on(credentials.keys(now))?;
    assert_eq!(keys.token.unwrap().expose_secret(), "token-x");
    Ok(keys.key.expose_secret().to_owned())
}

#[test]
fn keys_of_the_machine_are_renewed_before_they_end() {
    let answers = |key, ends| {
        [
            Reply::ok("meta-token"),
            Reply::ok("role-x\n"),
            Reply::ok(json(key, ends, "Token")),
        ]
    };
    let first = answers("key-1", "2026-11-28T23:00:00Z");
    let second = answers("key-2", "2026-11-29T23:00:00Z");
    let server = Scripted::start(first.into_iter().chain(second));
    let credentials = credentials(KeySource::Auto {
        role: None,
        metadata: server.settings().server,
    });
    assert_eq!(keys(&credentials, NOW).unwrap(), "key-1");
    assert_eq!(keys(&credentials, NOW + 3290).unwrap(), "key-1");
    assert_eq!(server.asked().len(), 3);
    // Less than five minutes are left.
    assert_eq!(keys(&credentials, NOW + 3310).unwrap(), "key-2");
    let asked = server.asked();
    assert!(asked[0].starts_with("PUT /latest/api/token HTTP/1.1"));
    assert!(asked[2].starts_with(&format!("GET {ROLES}/role-x HTTP/1.1")));
    assert!(asked[2].contains("x-aws-ec2-metadata-token: meta-token\r\n"));
}

#[test]
fn a_machine_without_tokens_or_role_is_understood() {
    let server = Scripted::start([
        Reply::status("404 Not Found", ""),
        Reply::status("404 Not Found", ""),
    ]);
    let credentials = credentials(KeySource::Auto {
        role: Some("mine".into()),
        metadata: server.settings().server,
    });
    let error = keys(&credentials, NOW).unwrap_err();
    assert!(
        error.starts_with("role 'mine' not found\nHINT: is 'mine' a valid"),
        "{error}"
    );
}

#[test]
fn a_web_identity_is_given_for_keys_and_not_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut &file, b"web-secret\n").unwrap();
    let answer = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
        <AccessKeyId>key-w</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token-x</SessionToken>\
        <Expiration>2026-11-28T23:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    let server = Scripted::start([Reply::ok(answer), Reply::status("403 Forbidden", "no")]);
    let credentials = credentials(KeySource::WebId {
        role: "arn:x".into(),
        token_file: file.path().to_owned(),
        sts: server.settings().server,
    });
    assert_eq!(keys(&credentials, NOW).unwrap(), "key-w");
    assert!(server.asked()[0].contains("WebIdentityToken=web-secret"));
    // Refused by the store as ended: asked for again, whatever the time.
    assert!(credentials.refuse("key-w"));
    let shown = format!("{credentials:?}");
    assert!(!shown.contains("key-w"), "{shown}");
    let error = keys(&credentials, NOW).unwrap_err();
    assert!(error.contains("WebIdentityToken=<redacted>"), "{error}");
    assert!(!error.contains("web-secret"), "{error}");
}

#[test]
fn a_pods_identity_is_sent_as_it_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut &file, b"pod-secret").unwrap();
    let server = Scripted::start([Reply::ok(json("key-p", "2026-11-28T23:00:00Z", "Token"))]);
    let credentials = credentials(KeySource::PodId {
        server: server.settings().server,
        path: "/v1/credentials".into(),
        token_file: file.path().to_owned(),
    });
    assert_eq!(keys(&credentials, NOW).unwrap(), "key-p");
    assert!(server.asked()[0].contains("authorization: pod-secret\r\n"));
}

#[test]
fn a_program_prints_keys_or_says_why_not() {
    let sh = |script: &str| {
        credentials(KeySource::Process {
            command: vec!["sh".into(), "-c".into(), script.into()],
        })
    };
    let printed = json("key-c", "2026-11-28T23:00:00Z", "SessionToken");
    let good = sh(&format!("echo '{printed}'"));
    assert_eq!(keys(&good, NOW).unwrap(), "key-c");
    let bad = sh("echo secret-output; echo no luck >&2; exit 3");
    let error = keys(&bad, NOW).unwrap_err();
    assert!(error.contains("exit status: 3: no luck"), "{error}");
    assert!(!error.contains("secret-output"), "{error}");
    assert_eq!(
        keys(&sh("echo '{}'"), NOW).unwrap_err(),
        "the answer with credentials has no Expiration"
    );
}

#[test]
fn an_answer_of_the_token_service_that_is_no_document_is_not_shown() {
    let answer = Answer {
        status: http::StatusCode::OK,
        headers: Vec::new(),
        body: "<SecretAccessKey>x</secret-end>".into(),
    };
    let error = from_sts(&answer).unwrap_err();
    assert_eq!(error.reason, "the answer with credentials is no XML");
}

#[test]
fn each_reason_why_there_are_no_keys_has_its_kind_and_shows_none() {
    let none = |why| ErrorKind::Credentials(why);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut &file, b"token-secret").unwrap();
    let role = || Reply::ok("role-x");
    let sts = |body: &str| {
        Reply::ok(format!(
            "<A><AssumeRoleWithWebIdentityResult><Credentials>{body}</Credentials></AssumeRoleWithWebIdentityResult></A>"
        ))
    };
    let forbidden = || Reply::status("403 Forbidden", "no");
    type Case = (&'static str, Vec<Reply>, ErrorKind);
    let token = || Reply::ok("meta-token");
    let cases: Vec<Case> = vec![
        (
            "auto",
            vec![token(), Reply::status("404 Not Found", "")],
            ErrorKind::Identity,
        ),
        (
            "auto",
            vec![token(), role(), Reply::status("404 Not Found", "")],
            ErrorKind::Identity,
        ),
        (
            "auto",
            vec![token(), role(), forbidden()],
            ErrorKind::Identity,
        ),
        (
            "auto",
            vec![token(), role(), Reply::ok("secret-x")],
            none(NoCredentials::Json),
        ),
        (
            "auto",
            vec![token(), role(), Reply::ok(r#"{"Code":"Failed"}"#)],
            none(NoCredentials::Format),
        ),
        (
            "auto",
            vec![
                token(),
                role(),
                Reply::ok(r#"{"Code":"Success","SecretAccessKey":"secret-x"}"#),
            ],
            none(NoCredentials::Format),
        ),
        ("auto", vec![], ErrorKind::Connect),
        ("web-id", vec![forbidden()], ErrorKind::Identity),
        (
            "web-id",
            vec![Reply::ok("secret-x <")],
            none(NoCredentials::Format),
        ),
        (
            "web-id",
            vec![sts("<SecretAccessKey>secret-x</SecretAccessKey>")],
            none(NoCredentials::Format),
        ),
        ("web-id", vec![], ErrorKind::Connect),
        ("pod-id", vec![forbidden()], ErrorKind::Identity),
        (
            "pod-id",
            vec![Reply::ok("secret-x")],
            none(NoCredentials::Json),
        ),
        (
            "pod-id",
            vec![Reply::ok(r#"{"SecretAccessKey":"secret-x"}"#)],
            none(NoCredentials::Format),
        ),
        ("pod-id", vec![], ErrorKind::Connect),
    ];
    for (kind, replies, expected) in cases {
        let shown = format!("{kind} {replies:?}");
        let server = Scripted::start(replies);
        let at = server.settings().server;
        let token_file = file.path().to_owned();
        let error = asked(
            &credentials(match kind {
                "auto" => KeySource::Auto {
                    role: None,
                    metadata: at,
                },
                "web-id" => KeySource::WebId {
                    role: "arn:x".into(),
                    token_file,
                    sts: at,
                },
                _ => KeySource::PodId {
                    server: at,
                    path: "/p".into(),
                    token_file,
                },
            }),
            NOW,
        )
        .unwrap_err();
        assert_eq!(error.kind, expected, "{shown}: {error:?}");
        assert!(!error.reason.contains("secret"), "{shown}: {error:?}");
        // What can be done is said where the user can do something.
        if matches!(expected, ErrorKind::Identity | ErrorKind::Connect) {
            assert!(error.reason.contains("\nHINT: "), "{shown}: {error:?}");
        }
    }
    // Refused again and again.
    let busy = std::iter::repeat_with(|| Reply::status("503 Service Unavailable", "")).take(50);
    let server = Scripted::start(busy);
    let error = asked(
        &credentials(KeySource::PodId {
            server: server.settings().server,
            path: "/p".into(),
            token_file: file.path().to_owned(),
        }),
        NOW,
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy, "{error:?}");
}

#[test]
fn a_token_or_program_that_is_not_there_is_told_apart() {
    let server = Scripted::start([]);
    for (token_file, why) in [
        ("/nowhere/token", NoCredentials::FileMissing),
        ("/", NoCredentials::FileOpen),
    ] {
        let error = asked(
            &credentials(KeySource::PodId {
                server: server.settings().server,
                path: "/p".into(),
                token_file: token_file.into(),
            }),
            NOW,
        )
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Credentials(why));
        assert!(
            error.reason.contains(&format!("'{token_file}'")),
            "{error:?}"
        );
        assert!(error.reason.contains("\nHINT: "), "{error:?}");
    }
    for (command, why) in [
        (&["/nowhere/program"][..], NoCredentials::Execute),
        (&["sh", "-c", "kill -9 $$"], NoCredentials::Execute),
        (
            &["sh", "-c", "echo secret-x; exit 3"],
            NoCredentials::Exit(3),
        ),
        (&["echo", "secret-x"], NoCredentials::Json),
        (
            &["echo", "{\"SecretAccessKey\":\"secret-x\"}"],
            NoCredentials::Format,
        ),
    ] {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let error = asked(&credentials(KeySource::Process { command }), NOW).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Credentials(why), "{error:?}");
        assert!(!error.reason.contains("secret-x"), "{error:?}");
    }
}

#[test]
fn who_gives_keys_must_prove_who_it_is_whatever_the_option_says() {
    // The option is for the bucket.
    let endpoint = Endpoint::parse("http://s3.example.org").unwrap();
    let keys = KeySource::WebId {
        role: "arn:x".into(),
        token_file: "/token".into(),
        sts: Endpoint::parse("https://127.0.0.1:1").unwrap(),
    };
    let mut settings = S3Settings::new("b", endpoint, "r", keys, Now::new(|| NOW));
    settings.http.verify_tls = false;
    settings.http.ca_file = Some("/nowhere/ca.crt".into());
    let error = Credentials::new(&settings, Stop::default()).unwrap_err();
    assert!(error.contains("/nowhere/ca.crt"), "{error}");
}
