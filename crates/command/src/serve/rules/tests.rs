use http::Request;

use super::super::token;
use super::*;

const TOKEN: &str = "0123456789abcdef";

fn rules() -> Rules {
    Rules {
        names: vec!["backups.example.com".to_owned(), "*".to_owned()],
        identity: None,
        token: None,
    }
}

fn asked(
    rules: &Rules,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
) -> Result<Asked, Refused> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rules.admit(&request.body(()).unwrap().into_parts().0)
}

#[test]
fn only_reading_is_answered_and_only_three_pages() {
    let rules = rules();
    let ask = |method, uri| asked(&rules, method, uri, &[("host", "localhost:9854")]);
    assert_eq!(ask("GET", "/"), Ok(Asked::Page));
    assert_eq!(ask("HEAD", "/metrics?x=1"), Ok(Asked::Metrics));
    assert_eq!(ask("GET", "/health"), Ok(Asked::Health));
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "ANY"] {
        assert_eq!(ask(method, "/metrics"), Err(Refused::Method), "{method}");
    }
    for uri in [
        "/metrics/",
        "//metrics",
        "/../metrics",
        "/favicon.ico",
        "/Metrics",
        "/%2e",
    ] {
        assert_eq!(ask("GET", uri), Err(Refused::Nothing), "{uri}");
    }
}

#[test]
fn a_request_must_name_this_host_and_no_other() {
    let rules = rules();
    let ask = |host: &str| asked(&rules, "GET", "/metrics", &[("host", host)]);
    for own in [
        "localhost",
        "LocalHost:1",
        "localhost.",
        "127.0.0.1:9854",
        "[::1]:9854",
        "192.0.2.7",
        "backups.example.com",
        "Backups.Example.com:443",
    ] {
        assert_eq!(ask(own), Ok(Asked::Metrics), "{own}");
    }
    for other in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "a.backups.example.com",
    ] {
        assert_eq!(ask(other), Err(Refused::OtherHost), "{other}");
    }
    for none in ["", "two hosts", "a,b/c"] {
        assert_eq!(ask(none), Err(Refused::NoHost), "{none}");
    }
    let headers = [("host", "localhost"), ("host", "localhost")];
    assert_eq!(asked(&rules, "GET", "/", &headers), Err(Refused::NoHost));
    assert_eq!(asked(&rules, "GET", "/", &[]), Err(Refused::NoHost));
    let whole = "http://evil.example/metrics";
    let got = asked(&rules, "GET", whole, &[("host", "localhost")]);
    assert_eq!(got, Err(Refused::OtherHost));
}

#[test]
fn where_there_is_a_token_nothing_is_told_without_it() {
    let rules = Rules {
        token: Some(token::of(TOKEN)),
        ..rules()
    };
    let ask = |value: &str| {
        let headers = [("host", "localhost"), ("authorization", value)];
        asked(&rules, "GET", "/health", &headers)
    };
    let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair));
    for right in [
        format!("Bearer {TOKEN}"),
        format!("bearer  {TOKEN}"),
        basic(&format!("anybody:{TOKEN}")),
        basic(&format!(":{TOKEN}")),
    ] {
        assert_eq!(ask(&right), Ok(Asked::Health), "{right}");
    }
    for wrong in [
        TOKEN.to_owned(),
        "Bearer".to_owned(),
        format!("Bearer {TOKEN}x"),
        format!("Digest {TOKEN}"),
        basic(TOKEN),
        basic("anybody:"),
        format!("Basic {TOKEN}"),
        "Basic !!!".to_owned(),
    ] {
        assert_eq!(ask(&wrong), Err(Refused::Token), "{wrong}");
    }
    // Not even which pages there are; but a foreign name is refused before.
    let none = asked(&rules, "GET", "/x", &[("host", "localhost")]);
    assert_eq!(none, Err(Refused::Token));
    let foreign = asked(&rules, "GET", "/", &[("host", "evil.example")]);
    assert_eq!(foreign, Err(Refused::OtherHost));
    let right = format!("Bearer {TOKEN}");
    let twice = [
        ("host", "localhost"),
        ("authorization", &*right),
        ("authorization", &*right),
    ];
    assert_eq!(asked(&rules, "GET", "/", &twice), Err(Refused::Token));
}
