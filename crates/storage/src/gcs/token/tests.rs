use super::*;
use crate::http::Now;
use crate::http::scripted::{Reply, Scripted};

const NOW: i64 = 1_795_903_200;

fn tokens(server: &Scripted) -> Tokens {
    let metadata = server.settings().server;
    let token = TokenSource::Auto {
        metadata: metadata.clone(),
    };
    let mut settings = GcsSettings::new("b", metadata, token, Now::new(|| NOW));
    settings.http.io_timeout = std::time::Duration::from_millis(300);
    settings.http.verify_tls = false;
    Tokens::new(&settings, Stop::default()).unwrap()
}

fn token(tokens: &Tokens, now: i64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let token = runtime.block_on(tokens.token(now))?;
    Ok(token.expose_secret().to_owned())
}

fn given(token: &str) -> Reply {
    Reply::ok(format!(
        r#"{{"access_token":"{token}","expires_in":3600,"token_type":"Bearer"}}"#
    ))
}

#[test]
fn a_token_of_the_machine_is_renewed_before_it_ends_or_when_it_is_refused() {
    let server = Scripted::start([given("one"), given("two"), given("three")]);
    let tokens = tokens(&server);
    assert_eq!(token(&tokens, NOW).unwrap(), "Bearer one");
    assert_eq!(token(&tokens, NOW + 3290).unwrap(), "Bearer one");
    // Less than five minutes are left.
    assert_eq!(token(&tokens, NOW + 3310).unwrap(), "Bearer two");
    assert!(tokens.refuse("Bearer two"));
    assert_eq!(token(&tokens, NOW + 3311).unwrap(), "Bearer three");
    let asked = server.asked();
    assert!(asked[0].starts_with(&format!("GET {MACHINE} HTTP/1.1")));
    assert!(asked[0].contains("metadata-flavor: Google\r\n"));
    let shown = format!("{tokens:?}");
    assert!(!shown.contains("three"), "{shown}");
}

#[test]
fn an_answer_without_a_token_is_told_and_not_shown() {
    for (answer, expected) in [
        (Reply::ok("secret-x"), "is no JSON"),
        (
            Reply::ok(r#"{"access_token":"secret-x","expires_in":1}"#),
            "has no 'token_type'",
        ),
        (
            Reply::ok(r#"{"access_token":"secret-x","token_type":"Bearer"}"#),
            "has no 'expires_in'",
        ),
        (
            Reply::ok(r#"{"access_token":"secret-x","token_type":"Bearer","expires_in":1e18}"#),
            "has no 'expires_in'",
        ),
        (
            Reply::status("404 Not Found", ""),
            "does this machine have a service account",
        ),
    ] {
        let server = Scripted::start([answer]);
        let error = token(&tokens(&server), NOW).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret-x"), "{error}");
    }
}
