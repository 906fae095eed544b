//! The stores that the tests run on, a row each. What a row needs is that its server starts and names its options
//! (`testkit::object_server`).

use pgkeep_testkit::object_server::Kind;

/// A store that both programs can use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Store {
    /// In names of tests.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// One that looks at signatures.
    pub(crate) strict: Kind,
    /// An option that holds a secret of it, and the code of both programs where that is wrong.
    pub(crate) secret: (&'static str, i32),
    /// The option that names the bucket.
    pub(crate) bucket: &'static str,
    /// The option that names the host that is connected to.
    pub(crate) host: &'static str,
    /// The option that names the port, and what stands before it there.
    pub(crate) port: (&'static str, &'static str),
}

const STORES: &[Store] = &[
    Store {
        name: "s3",
        // s3s-fs keeps objects as files, and fails for a name that others are below.
        kind: Kind::Moto,
        strict: Kind::S3s,
        secret: ("repo1-s3-key-secret", 39),
        bucket: "repo1-s3-bucket",
        host: "repo1-storage-host",
        port: ("repo1-storage-port", ""),
    },
    Store {
        name: "garage",
        kind: Kind::Garage,
        strict: Kind::Garage,
        secret: ("repo1-s3-key-secret", 39),
        bucket: "repo1-s3-bucket",
        host: "repo1-storage-host",
        port: ("repo1-storage-port", ""),
    },
    Store {
        name: "azure",
        kind: Kind::Azurite,
        strict: Kind::Azurite,
        secret: ("repo1-azure-key", 39),
        bucket: "repo1-azure-container",
        host: "repo1-storage-host",
        port: ("repo1-storage-port", ""),
    },
    Store {
        name: "gcs",
        kind: Kind::Gcs,
        strict: Kind::Gcs,
        secret: ("repo1-gcs-key", 39),
        bucket: "repo1-gcs-bucket",
        // There is no other option for the address, as with pgBackRest.
        host: "repo1-gcs-endpoint",
        port: ("repo1-gcs-endpoint", "localhost:"),
    },
];

/// The stores of this run. Garage takes a quarter of an hour to build, so a default run does without it.
pub(crate) fn stores() -> impl Iterator<Item = &'static Store> {
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    STORES
        .iter()
        .filter(move |store| full || store.kind != Kind::Garage)
}
