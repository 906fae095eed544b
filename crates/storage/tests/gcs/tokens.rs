//! Accounts: the signed statement of a service account, the account of a machine, tokens that end.

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::gcs::TokenSource;
use pgkeep_storage::http::Endpoint;
use pgkeep_storage::{ErrorKind, ListOptions, Storage, StoragePath, WriteOptions};
use pgkeep_testkit::object_server::ObjectServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{open_boxed, settings, start};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_service_account_signs_for_its_token", || {
            let server = start()?;
            let key_file = server.key_file();
            lasts(&server, TokenSource::Service { key_file })
        })
        .test("a_machine_has_an_account", || {
            let server = start()?;
            let metadata = Endpoint {
                tls: false,
                host: "127.0.0.1".to_owned(),
                port: Some(server.mended_address().port()),
            };
            lasts(&server, TokenSource::Auto { metadata })
        })
        .test("who_only_reads_asks_for_no_more", only_reads)
        .test("a_statement_of_another_account_is_refused", other_account)
        .test("a_key_file_that_is_none_is_told_by_name", no_key)
}

/// One token for many requests, and another one when it ends.
fn lasts(server: &ObjectServer, token: TokenSource) -> TestResult {
    let mut settings = settings(server);
    settings.token = token;
    let storage = open_boxed(settings)?;
    let path = StoragePath::new("file");
    for content in [b"one", b"two"] {
        write_all(&*storage, &path, &WriteOptions::default(), content)?;
        let found = read_all(&*storage, &path, 100)?;
        assert_eq!(found.as_deref(), Some(&content[..]));
    }
    assert_eq!(server.tokens_issued(), 1);
    server.end_tokens();
    let found = read_all(&*storage, &path, 100)?;
    assert_eq!(found.as_deref(), Some(&b"two"[..]));
    assert_eq!(server.tokens_issued(), 2);
    Ok(())
}

/// The server takes the scope at its word.
fn only_reads() -> TestResult {
    let server = start()?;
    let open = |only_reads| {
        let mut settings = settings(&server);
        let key_file = server.key_file();
        settings.token = TokenSource::Service { key_file };
        settings.only_reads = only_reads;
        open_boxed(settings)
    };
    let path = StoragePath::new("file");
    let write =
        |storage: &dyn Storage| write_all(storage, &path, &WriteOptions::default(), b"x").map(drop);
    write(&*open(false)?)?;
    let reader = open(true)?;
    assert_eq!(read_all(&*reader, &path, 10)?.as_deref(), Some(&b"x"[..]));
    let listed = reader.list(&StoragePath::root(), &ListOptions::default())?;
    assert_eq!(listed.map(|found| found.len()), Some(1));
    let error = write(&*reader).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let error = reader.remove(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    Ok(())
}

fn other_account() -> TestResult {
    let (server, other) = (start()?, start()?);
    // The account's name is the same, its key is another one, and so is the place where it is asked for.
    let text = std::fs::read_to_string(other.key_file())?;
    let port = |server: &ObjectServer| format!("localhost:{}", server.address().port());
    let file = other.key_file();
    std::fs::write(&file, text.replace(&port(&other), &port(&server)))?;
    let mut settings = settings(&server);
    settings.token = TokenSource::Service { key_file: file };
    let storage = open_boxed(settings)?;
    let error = storage
        .list(&StoragePath::root(), &ListOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("unable to get authentication token: [invalid_grant] Invalid JWT: signature"),
        "{text}"
    );
    assert!(!text.contains("assertion"), "{text}");
    Ok(())
}

fn no_key() -> TestResult {
    let server = start()?;
    let file = server.key_file();
    let good = std::fs::read_to_string(&file)?;
    let cases = [
        ("secret-no-json".to_owned(), "it is no JSON"),
        (
            good.replace("service_account", "authorized_user"),
            "it holds credentials of type 'authorized_user'",
        ),
        (
            good.replace("\"private_key\"", "\"other\""),
            "it has no 'private_key'",
        ),
        (
            good.replace("PRIVATE KEY-----\\n", "PRIVATE KEY-----\\nAAAA"),
            "it has a 'private_key' that",
        ),
        (good.replace("https://", "ftp://"), "it has a 'token_uri'"),
    ];
    for (text, expected) in cases {
        std::fs::write(&file, &text)?;
        let mut settings = settings(&server);
        let key_file = file.clone();
        settings.token = TokenSource::Service { key_file };
        let error = open_boxed(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("service-account.json"), "{error}");
        assert!(!error.contains("secret-no-json"), "{error}");
    }
    let mut settings = settings(&server);
    let key_file = "/no/such/file".into();
    settings.token = TokenSource::Service { key_file };
    let error = open_boxed(settings).unwrap_err().to_string();
    assert!(
        error.contains("unable to open missing file '/no/such/file'"),
        "{error}"
    );
    Ok(())
}
