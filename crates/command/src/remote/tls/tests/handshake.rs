//! Who is trusted by whom, over real certificates and loopback sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::Connection;
use rustls::sign::SingleCertAndKey;

use super::super::trust::provider;
use super::super::verifier::ServerVerifier;
use super::super::{
    Caller, Ciphers, Reception, Secured, Wanted, accept, connect, secure_again, try_connect,
};
use super::certificates::made;
use crate::error::{Error, ErrorCode, Result};

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Two ends of a TCP connection.
pub(super) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// What both sides say of a client with a server.
pub(super) struct Case {
    pub(super) server: &'static str,
    pub(super) server_trusts: &'static str,
    pub(super) client: Option<&'static str>,
    pub(super) client_trusts: Option<&'static str>,
    pub(super) host: &'static str,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            server: "server",
            server_trusts: "ca",
            client: Some("client"),
            client_trusts: Some("ca"),
            host: "localhost",
        }
    }
}

type Outcome = (Result<Secured>, Result<(Secured, Caller)>);

impl Case {
    pub(super) fn run(&self) -> Outcome {
        let made = made();
        let (client, server) = sockets();
        std::thread::scope(|scope| {
            let accepted = scope.spawn(move || {
                accept(
                    server,
                    &Reception {
                        identity: &made.identity(self.server),
                        authorities: &made.authorities_pem(self.server_trusts),
                        ciphers: &Ciphers::default(),
                        now: now(),
                        within: Duration::from_secs(20),
                    },
                )
            });
            let identity = self.client.map(|name| made.identity(name));
            let trust = self.client_trusts.map(|name| made.authorities(name));
            let connected = connect(
                client,
                &Wanted {
                    host: self.host,
                    shown: "localhost:8432 (127.0.0.1)",
                    trust: trust.as_deref(),
                    identity: identity.as_ref(),
                    ciphers: &Ciphers::default(),
                    now: now(),
                    within: Duration::from_secs(20),
                },
            );
            (connected, accepted.join().unwrap())
        })
    }

    /// The caller as the server knows it.
    fn caller(&self) -> Caller {
        let (client, server) = self.run();
        client.unwrap();
        server.unwrap().1
    }

    fn client_error(&self) -> Error {
        let (client, server) = self.run();
        assert!(server.is_err(), "the server believes in a connection");
        client.unwrap_err()
    }
}

fn named(name: &str) -> Caller {
    Caller::Named(vec![name.to_owned()])
}

#[test]
fn servers_with_alternative_names_a_common_name_or_an_address_are_accepted() {
    for (server, host) in [
        ("server", "localhost"),
        ("server", "repo.example.com"),
        ("server", "127.0.0.1"),
        ("common", "localhost"),
    ] {
        let case = Case {
            server,
            host,
            ..Case::default()
        };
        assert_eq!(case.caller(), named("pgbackrest-client"), "{server} {host}");
    }
}

/// Brings a handshake of a side that knows TLS 1.2 alone to its end.
fn shake_hands(mut connection: Connection, socket: TcpStream) -> Option<rustls::ProtocolVersion> {
    let mut stream = socket;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).unwrap();
    }
    connection.protocol_version()
}

#[test]
fn tls_1_2_works_with_servers_certificates_of_both_versions() {
    for server in ["server", "common"] {
        let (here, there) = sockets();
        let key = made().identity(server).certified_key().unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        std::thread::scope(|scope| {
            let version = scope.spawn(|| {
                let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
                shake_hands(connection.into(), there)
            });
            let wanted = Wanted {
                host: "localhost",
                shown: "localhost",
                trust: Some(&made().authorities("ca")),
                identity: None,
                ciphers: &Ciphers::default(),
                now: now(),
                within: Duration::from_secs(20),
            };
            connect(here, &wanted).unwrap();
            let version = version.join().unwrap();
            assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_2));
        });
    }
}

#[test]
fn tls_1_2_works_with_clients_certificates_of_both_versions() {
    for (client, name) in [("client", "pgbackrest-client"), ("both", "client-c")] {
        let (here, there) = sockets();
        let verifier = ServerVerifier {
            trust: None,
            host: String::new(),
            now: now(),
            refusal: Default::default(),
        };
        let key = made().identity(client).certified_key().unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let name = "localhost".try_into().unwrap();
                let config = Arc::new(config);
                let connection = rustls::ClientConnection::new(config, name).unwrap();
                shake_hands(connection.into(), here)
            });
            let (_, caller) = accept_from(there, Duration::from_secs(20)).unwrap();
            assert_eq!(caller, named(name));
        });
    }
}

/// What a server says of whoever comes.
fn accept_from(socket: TcpStream, within: Duration) -> Result<(Secured, Caller)> {
    let made = made();
    let reception = Reception {
        identity: &made.identity("server"),
        authorities: &made.authorities_pem("ca"),
        ciphers: &Ciphers::default(),
        now: now(),
        within,
    };
    accept(socket, &reception)
}

#[test]
fn a_server_that_was_an_authority_itself_is_accepted_if_the_user_named_it() {
    let case = Case {
        server: "ca",
        ..Case::default()
    };
    case.caller();
}

#[test]
fn servers_that_are_not_trusted_are_refused_with_code_95_and_the_reason() {
    let prefix = "unable to verify certificate presented by 'localhost:8432 (127.0.0.1)': ";
    for (server, why) in [
        ("foreign", "[20] unable to get local issuer certificate"),
        ("foreign1", "[20] unable to get local issuer certificate"),
        ("other", "[18] self-signed certificate"),
        ("expired", "[10] certificate has expired"),
        ("expired1", "[10] certificate has expired"),
        ("purpose", "[26] unsuitable certificate purpose"),
    ] {
        let case = Case {
            server,
            ..Case::default()
        };
        let error = case.client_error();
        assert_eq!(error.code, ErrorCode::Crypto, "{server}");
        assert_eq!(error.message, format!("{prefix}{why}"), "{server}");
    }
}

#[test]
fn a_server_of_another_name_is_refused_with_code_95() {
    for (server, host) in [
        ("server", "ignored"),
        ("server", "127.0.0.2"),
        ("server", "a.b.example.com"),
        ("common", "127.0.0.1"),
    ] {
        let case = Case {
            server,
            host,
            ..Case::default()
        };
        let error = case.client_error();
        assert_eq!(error.code, ErrorCode::Crypto);
        assert_eq!(
            error.message,
            format!(
                "unable to find hostname '{host}' in certificate common name or subject alternative names"
            )
        );
    }
}

#[test]
fn whoever_trusts_nobody_in_particular_accepts_any_server() {
    for server in ["foreign", "expired", "common"] {
        let case = Case {
            server,
            client_trusts: None,
            client: None,
            host: "anything",
            ..Case::default()
        };
        assert_eq!(case.caller(), Caller::Nobody);
    }
}

#[test]
fn clients_that_are_not_trusted_are_refused_and_the_server_says_why() {
    for (client, why) in [
        ("foreign", "[20] unable to get local issuer certificate"),
        ("foreign1", "[20] unable to get local issuer certificate"),
        ("expired", "[10] certificate has expired"),
        ("expired1", "[10] certificate has expired"),
        ("other", "[18] self-signed certificate"),
    ] {
        let case = Case {
            client: Some(client),
            ..Case::default()
        };
        let (_, server) = case.run();
        let error = server.unwrap_err();
        assert_eq!(error.code, ErrorCode::Crypto, "{client}");
        assert_eq!(
            error.message,
            format!("unable to verify its certificate: {why}"),
            "{client}"
        );
    }
    // One for servers alone is none of a client.
    let case = Case {
        client: Some("purpose"),
        ..Case::default()
    };
    assert_eq!(case.caller(), named("localhost"));
}

#[test]
fn a_client_learns_that_its_certificate_was_refused() {
    // With TLS 1.3 that comes after the handshake.
    let case = Case {
        client: Some("foreign"),
        ..Case::default()
    };
    let secured = case.run().0.unwrap();
    let ender = secured.ender();
    let mut streams = secured.into_streams();
    let error = streams.reader.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.to_string(), "TLS error: tlsv1 alert unknown ca");
    assert!(ender.failure().unwrap().refused_certificate);
}

/// What the server says of a client that sends these bytes and waits.
fn accept_of(bytes: &[u8], within: Duration) -> Error {
    let (mut client, server) = sockets();
    client.write_all(bytes).unwrap();
    accept_from(server, within).unwrap_err()
}

#[test]
fn whatever_is_no_tls_is_refused_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: repo1\r\n\r\n"[..],
        b"{\"name\":\"pgBackRest\"}\n",
        &[0xff; 100],
    ] {
        let error = accept_of(bytes, Duration::from_secs(60));
        assert_eq!(error.code, ErrorCode::Service);
        assert!(error.message.starts_with("TLS error: "), "{error}");
    }
}

#[test]
fn a_client_that_says_nothing_or_stalls_is_sent_away_in_time() {
    for bytes in [&[][..], &[0x16, 0x03, 0x01, 0x02, 0x00]] {
        let error = accept_of(bytes, Duration::from_millis(50));
        assert_eq!(
            error.message,
            "timeout after 50ms waiting for the TLS handshake"
        );
    }
}

#[test]
fn a_client_that_trickles_bytes_gets_no_more_time() {
    let (mut client, server) = sockets();
    let trickling = std::thread::spawn(move || {
        // A record of 16 KiB, byte by byte, until nobody listens.
        let _ = client.write_all(&[0x16, 0x03, 0x01, 0x40, 0x00]);
        let mut sent = 0;
        while client.write_all(&[1]).is_ok() && sent < 16_000 {
            sent += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        sent
    });
    let error = accept_from(server, Duration::from_millis(100)).unwrap_err();
    assert!(
        error.message.starts_with("timeout after 100ms") || error.message.starts_with("TLS error"),
        "{error}"
    );
    assert!(trickling.join().unwrap() < 16_000);
}

#[test]
fn a_server_that_speaks_no_tls_is_told() {
    let (client, mut server) = sockets();
    server.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    let error = connect(
        client,
        &Wanted {
            host: "localhost",
            shown: "localhost:22 (127.0.0.1)",
            trust: None,
            identity: None,
            ciphers: &Ciphers::default(),
            now: now(),
            within: Duration::from_secs(20),
        },
    );
    let error = error.unwrap_err();
    assert_eq!(error.code, ErrorCode::Service);
    assert_eq!(
        error.message,
        "'localhost:22 (127.0.0.1)': TLS error: wrong version number: this is not TLS"
    );
}

/// What a client learns of a server that cuts this many handshakes before it does its part, and how many times it came.
fn after_cuts(cuts: usize, within: Duration, trusts: &str) -> (Result<Secured>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let made = made();
    let (identity, trust) = (made.identity("client"), made.authorities(trusts));
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ended = &ended;
        let server = scope.spawn(move || {
            let mut came = 0;
            loop {
                let (mut socket, _) = listener.accept().unwrap();
                if ended.load(std::sync::atomic::Ordering::SeqCst) {
                    return came;
                }
                came += 1;
                if came <= cuts {
                    // Some of the first are unread when it closes, which resets the connection.
                    let _ = socket.read(&mut [0; 10]);
                    continue;
                }
                let _ = accept_from(socket, Duration::from_secs(20));
            }
        });
        let secured = secure_again(within, &|| Ok(()), &mut |left| {
            let socket = TcpStream::connect(address)
                .map_err(|error| Error::new(ErrorCode::HostConnect, error.to_string()))?;
            try_connect(
                socket,
                &Wanted {
                    host: "localhost",
                    shown: "localhost:8432 (127.0.0.1)",
                    trust: Some(&trust),
                    identity: Some(&identity),
                    ciphers: &Ciphers::default(),
                    now: now(),
                    within: left,
                },
            )
        });
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
        drop(TcpStream::connect(address).unwrap());
        (secured, server.join().unwrap())
    })
}

#[test]
fn a_handshake_that_is_cut_is_tried_again_until_time_is_over() {
    let (secured, came) = after_cuts(2, Duration::from_secs(60), "ca");
    secured.unwrap();
    assert_eq!(came, 3);
    let (secured, came) = after_cuts(usize::MAX, Duration::from_millis(250), "ca");
    let error = secured.unwrap_err();
    assert_eq!((error.code, came), (ErrorCode::Service, 2));
    assert_eq!(
        error.message,
        "'localhost:8432 (127.0.0.1)': the connection was ended during the TLS handshake\n[ServiceError] on 1 retries"
    );
}

#[test]
fn a_server_that_is_not_trusted_is_told_at_once() {
    for cuts in [0, 1] {
        let (secured, came) = after_cuts(cuts, Duration::from_secs(60), "other");
        assert_eq!(secured.unwrap_err().code, ErrorCode::Crypto);
        assert_eq!(came, cuts + 1);
    }
}
