use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;

use super::scripted::{Reply, Scripted};
use super::*;
use crate::stop::Stop;

/// Adds a header that is a secret, and goes by status alone.
struct Plain;

impl Service for Plain {
    async fn authorize(&self, request: &Request) -> Result<Request, HttpError> {
        Ok(request.clone().header("authorization", "secret-signature"))
    }

    fn verdict(&self, _: &Request, answer: &Answer) -> Verdict {
        verdict_by_status(answer.status)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn send(server: &Scripted, request: &Request) -> Result<Answer, HttpError> {
    let client = Client::new(&server.settings(), Stop::default()).unwrap();
    runtime().block_on(client.send(&Plain, request))
}

#[test]
fn what_may_pass_is_repeated_until_it_passes() {
    for failure in [
        Reply::Close,
        Reply::Truncated("only a part", 100),
        Reply::status("503 Slow Down", "busy"),
        Reply::status("500 Internal Server Error", ""),
        Reply::status("429 Too Many Requests", ""),
        Reply::status("408 Request Timeout", ""),
        Reply::Silence,
    ] {
        let server = Scripted::start([failure.clone(), failure.clone(), Reply::ok("whole")]);
        let answer = send(&server, &Request::new("GET", "/x")).unwrap();
        assert_eq!(&answer.body[..], b"whole", "{failure:?}");
        assert_eq!(server.asked().len(), 3, "{failure:?}");
    }
}

#[test]
fn what_cannot_pass_is_asked_once() {
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "501 Not Implemented",
    ] {
        let server = Scripted::start([Reply::status(status, ""), Reply::ok("never")]);
        send(&server, &Request::new("GET", "/x")).unwrap_err();
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[test]
fn repetition_ends_and_tells_how_often_it_was() {
    let server = Scripted::start(vec![Reply::status("503 Service Unavailable", "busy"); 50]);
    let error = send(&server, &Request::new("GET", "/x")).unwrap_err();
    let text = error.to_string();
    let tries = server.asked().len();
    assert!((3..20).contains(&tries), "{tries}");
    assert!(
        text.contains(&format!("on {} retries from 100-", tries - 1)),
        "{text}"
    );
    assert!(text.ends_with("ms: [503] Service Unavailable"), "{text}");
}

#[test]
fn an_error_shows_request_and_answer_and_no_secret() {
    let long = "y".repeat(5000);
    let server = Scripted::start([Reply::Answer(
        "403 Forbidden",
        "x-request-id: 7\r\n",
        long.into_bytes(),
    )]);
    let request = Request::new("PUT", "/bucket/key%20x")
        .query("partNumber", "1")
        .query("sig", "secret-query")
        .header("x-amz-server-side-encryption-customer-key", "secret-key")
        .header("x-amz-security-token", "secret-token")
        .body(Bytes::from_static(b"123"));
    let text = send(&server, &request).unwrap_err().to_string();
    let expected = "HTTP request failed with 403 (Forbidden):\n\
        *** Path/Query ***:\n\
        PUT /bucket/key%20x?partNumber=1&sig=<redacted>\n\
        *** Request Headers ***:\n\
        authorization: <redacted>\n\
        content-length: 3\n\
        x-amz-security-token: <redacted>\n\
        x-amz-server-side-encryption-customer-key: <redacted>\n\
        *** Response Headers ***:\n\
        x-request-id: 7\n\
        content-length: 5000\n\
        *** Response Content ***:\n\
        yyyy";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("yy\n(5000 bytes in all)"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(!format!("{request:?}").contains("secret"));
    // They were sent all the same.
    assert!(server.asked()[0].contains("secret-token"));
}

#[test]
fn an_answer_that_repeats_a_secret_is_shown_without_it() {
    let authorization = "AWS4-HMAC-SHA256 Credential=KEY-ID/20260101/r/s3/aws4_request,SignedHeaders=host,Signature=c0ffee";
    let request = Request::new("PUT", "/x")
        .query("WebIdentityToken", "web+secret")
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-security-token", "token-secret")
        .header("authorization", authorization);
    let dump: Vec<String> = b"x:token-secret\n"
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>KEY-ID</AWSAccessKeyId>\
         <SignatureProvided>c0ffee</SignatureProvided><StringToSign>20260101T000000Z</StringToSign>\
         <CanonicalRequest>token-secret web+secret web%2Bsecret</CanonicalRequest>\
         <CanonicalRequestBytes>{}</CanonicalRequestBytes></Error>",
        dump.join(" ")
    );
    let answer = Answer {
        status: http::StatusCode::FORBIDDEN,
        headers: vec![
            (
                "location".to_owned(),
                "https://a/b?X-Amz-Signature=presigned".to_owned(),
            ),
            ("x-echo".to_owned(), "token-secret".to_owned()),
        ],
        body: body.into(),
    };
    let shown = format!("{answer:?}");
    let error = HttpError::new(&request, Outcome::Refused(Box::new(answer)));
    let text = error.to_string();
    for text in [&shown, &format!("{error:?}"), &text] {
        for secret in ["secret", "KEY-ID", "c0ffee", "presigned", "74 6f 6b 65 6e"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    for told in [
        "<Code>SignatureDoesNotMatch</Code>",
        "<AWSAccessKeyId><redacted></AWSAccessKeyId>",
        "<CanonicalRequest><redacted> <redacted> <redacted></CanonicalRequest>",
        "<StringToSign>20260101T000000Z</StringToSign>",
        "location: https://a/b?<redacted>",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_server_is_told_that_a_body_is_empty() {
    let server = Scripted::start(vec![Reply::ok(""); 3]);
    for method in ["PUT", "POST", "GET"] {
        send(&server, &Request::new(method, "/x")).unwrap();
    }
    let lengths: Vec<usize> = server
        .asked()
        .iter()
        .map(|head| head.matches("content-length: 0\r\n").count())
        .collect();
    assert_eq!(lengths, [1, 1, 0]);
}

#[test]
fn a_connection_is_used_again() {
    let server = Scripted::start(vec![Reply::ok("x"); 5]);
    let client = Client::new(&server.settings(), Stop::default()).unwrap();
    runtime().block_on(async {
        for _ in 0..5 {
            client
                .send(&Plain, &Request::new("GET", "/x"))
                .await
                .unwrap();
        }
    });
    assert_eq!(server.connections(), 1);
    assert_eq!((client.connections(), client.tries()), (1, 5));
}

#[test]
fn a_wish_to_stop_ends_a_wait() {
    let server = Scripted::start([Reply::Silence]);
    let stop = Stop::default();
    let mut settings = server.settings();
    settings.io_timeout = Duration::from_secs(3600);
    let client = Client::new(&settings, stop.clone()).unwrap();
    let error = runtime().block_on(async {
        let request = Request::new("GET", "/x");
        let asking = client.send(&Plain, &request);
        let stopping = async {
            while server.asked().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.ask();
        };
        tokio::join!(asking, stopping).0.unwrap_err()
    });
    assert!(matches!(error.outcome, Outcome::Cancelled));
}

#[test]
fn a_longer_answer_than_expected_is_an_error() {
    let server = Scripted::start(vec![Reply::ok(vec![b'x'; 2000]); 20]);
    let mut request = Request::new("GET", "/x");
    request.answer_limit = 1000;
    let text = send(&server, &request).unwrap_err().to_string();
    assert!(
        text.starts_with("the answer is longer than 1000 bytes"),
        "{text}"
    );
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_with_its_login() {
    // What comes after the tunnel is made goes to the server itself: the proxy here refuses.
    let proxy = Scripted::start(vec![
        Reply::status("407 Proxy Authentication Required", "");
        9
    ]);
    let mut settings = HttpSettings::new(Endpoint::parse("https://s3.example.org").unwrap());
    settings.io_timeout = Duration::from_millis(300);
    settings.proxy = Some(Proxy {
        address: proxy.settings().server,
        login: Some(("name".to_owned(), SecretString::from("proxy-secret"))),
    });
    let client = Client::new(&settings, Stop::default());
    // A machine without certificate authorities cannot get that far.
    let Ok(client) = client else { return };
    let error = runtime()
        .block_on(client.send(&Plain, &Request::new("GET", "/x")))
        .unwrap_err();
    let asked = proxy.asked()[0].to_lowercase();
    assert!(
        asked.starts_with("connect s3.example.org:443 http/1.1"),
        "{asked}"
    );
    assert!(
        asked.contains("proxy-authorization: basic bmftztpwcm94es1zzwnyzxq="),
        "{asked}"
    );
    assert!(!error.to_string().contains("proxy-secret"));
}

#[test]
fn authorities_that_cannot_be_read_are_an_error() {
    let mut settings = HttpSettings::new(Endpoint::parse("name").unwrap());
    settings.ca_file = Some("/no/such/file".into());
    let error = Client::new(&settings, Stop::default()).unwrap_err();
    assert!(
        error.starts_with("unable to load certificate authorities from /no/such/file: "),
        "{error}"
    );
}

#[test]
fn requests_go_through_the_tunnel_that_a_proxy_makes() {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    let server = Scripted::start(vec![Reply::ok("one"), Reply::ok("two")]);
    let target = server.settings().server;
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0);
        }
        let asked = head.split(' ').nth(1).unwrap().to_owned();
        let server = TcpStream::connect(&asked).unwrap();
        let mut client = client;
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut server = server;
        let _ = std::io::copy(&mut reader, &mut server);
        head
    });
    let mut settings = server.settings();
    settings.proxy = Some(Proxy {
        address: Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap(),
        login: None,
    });
    let client = Client::new(&settings, Stop::default()).unwrap();
    let request = Request::new("GET", "/a");
    let runtime = runtime();
    for expected in ["one", "two"] {
        let answer = runtime.block_on(client.send(&Plain, &request)).unwrap();
        assert_eq!(&answer.body[..], expected.as_bytes());
    }
    drop((client, runtime));
    let head = proxy.join().unwrap();
    let line = format!("CONNECT 127.0.0.1:{} HTTP/1.1", target.port());
    assert!(head.starts_with(&line), "{head}");
    assert_eq!(server.asked().len(), 2, "both went over it");
}
