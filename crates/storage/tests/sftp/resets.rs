//! Connections that are reset before the login is done, as a busy sshd does it (`MaxStartups`): whoever meets a server tries again.

use std::time::Duration;

use pgkeep_storage::sftp::examine::Examiner;
use pgkeep_storage::sftp::persist::{self, Lifetime};
use pgkeep_storage::sftp::{SftpSettings, SftpStorage, setup};
use pgkeep_storage::{ErrorKind, InfoLevel, Storage, StoragePath};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::settings_at;

/// Connections that are lost one after the other.
const LOST: u64 = 2;
/// Pieces that there are in any case: banners and key exchange, each an answer to the other side.
const KEY_EXCHANGE: u64 = 6;

pub(crate) fn add(mut suite: Suite) -> Suite {
    type Meet = fn(&SftpSettings) -> TestResult;
    let meetings: [(&str, Meet); 4] = [
        ("a_storage", |settings| {
            let storage = SftpStorage::new(settings.clone())?;
            storage.info(&StoragePath::root(), InfoLevel::Basic)?;
            Ok(())
        }),
        ("who_asks_for_host_keys", |settings| {
            assert!(!setup::host_keys(settings)?.is_empty());
            Ok(())
        }),
        ("an_examiner", |settings| {
            assert!(!Examiner::open(settings)?.handshake().host_keys.is_empty());
            Ok(())
        }),
        ("a_holder", |settings| {
            let place = tempfile::tempdir()?;
            // Its time is over at once.
            let lifetime = Lifetime {
                idle: Duration::ZERO,
                longest: Duration::ZERO,
            };
            persist::run(
                settings,
                &place.path().join("persist.sock"),
                lifetime,
                &|| false,
            )?;
            Ok(())
        }),
    ];
    for (who, meet) in meetings {
        suite = suite.test(
            format!("{who}_tries_again_when_the_connection_is_reset_in_the_handshake"),
            move || resets(meet),
        );
    }
    suite.test("a_server_that_only_resets_is_given_up_soon", given_up)
}

fn resets(meet: fn(&SftpSettings) -> TestResult) -> TestResult {
    let server = SftpServer::builder().start()?;
    let whole = Network::new().to(server.address())?;
    meet(&settings_at(&server, whole.address())?)?;
    // The banner, the offers, the key exchange, and for who logs in what follows.
    for piece in 1..=whole.pieces().min(12) {
        let proxy = Network::new()
            .reset_first(LOST, piece)
            .to(server.address())?;
        meet(&settings_at(&server, proxy.address())?)
            .map_err(|error| format!("reset at piece {piece}: {error}"))?;
        // The server puts late answers together as it likes, so there may be fewer pieces than last time.
        let over = piece > KEY_EXCHANGE && proxy.pieces() < piece;
        assert!(
            proxy.strikes() > 0 || over,
            "nothing was reset at piece {piece}"
        );
    }
    Ok(())
}

fn given_up() -> TestResult {
    let server = SftpServer::builder().start()?;
    let proxy = Network::new()
        .reset_first(u64::MAX, 2)
        .to(server.address())?;
    let settings = settings_at(&server, proxy.address())?;
    let error = setup::host_keys(&settings).expect_err("it only resets");
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
    assert!(
        error.to_string().contains("ssh handshake failed"),
        "{error}"
    );
    assert!(
        proxy.connections() <= 4,
        "{} connections",
        proxy.connections()
    );
    Ok(())
}
