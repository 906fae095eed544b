//! What the options say alike for every object store: how it is reached, and how hard its bucket may be pushed.
//!
//! Names of buckets and credentials are in the file of each store.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option::{self, OptionDef};
use pgkeep_config::{Config, option_name};
use pgkeep_storage::http::{Endpoint, HttpSettings};
use pgkeep_storage::object::ObjectSettings;
use pgkeep_storage::protection::{Lock, LockMode};

use secrecy::ExposeSecret;

use crate::error::{Error, ErrorCode, Result};

/// The host that an option names: `[http://|https://]name[:port]`. A path behind it means nothing, as with pgBackRest.
///
/// # Errors
/// [`ErrorCode::Format`] for what is none.
pub(super) fn endpoint(config: &Config, option: &'static OptionDef, key: u32) -> Result<Endpoint> {
    // Azure's endpoint counts as a secret.
    let secret = config
        .secret_at(option, key)
        .map(ExposeSecret::expose_secret);
    let text = config.string_at(option, key).or(secret).unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let host = rest.split('/').next().unwrap_or_default();
    let parsed = match host.starts_with('[') || host.matches(':').count() < 2 {
        true => Endpoint::parse(&format!("{scheme}://{host}")),
        false => Err(format!("'{text}' has an IPv6 address without brackets")),
    };
    parsed.map_err(|reason| {
        let name = option_name(option, key);
        if secret.is_some() {
            return Error::new(ErrorCode::Format, format!("invalid URL in option '{name}'"))
                .with_hint("it has the form [http://|https://]host[:port].");
        }
        Error::new(ErrorCode::Format, format!("invalid URL '{text}'"))
            .with_hint(format!("option {name}: {reason}."))
    })
}

/// The server that connections are made to: `named` by the store's own options, unless there is a `repo-storage-host` or a
/// `repo-storage-port`.
///
/// # Errors
/// As [`endpoint`].
pub(super) fn server(config: &Config, key: u32, named: Endpoint) -> Result<Endpoint> {
    let server = match config.string_at(option::REPO_STORAGE_HOST, key) {
        Some(_) => endpoint(config, option::REPO_STORAGE_HOST, key)?,
        None => named,
    };
    Ok(with_port(config, key, server))
}

/// The server with the port of `repo-storage-port`, where there is one.
pub(super) fn with_port(config: &Config, key: u32, mut server: Endpoint) -> Endpoint {
    // Its default is that of the address.
    let said = !config.source(option::REPO_STORAGE_PORT, key).is_default();
    let port = config
        .integer_at(option::REPO_STORAGE_PORT, key)
        .filter(|_| said)
        .and_then(|port| u16::try_from(port).ok());
    server.port = port.or(server.port);
    server
}

/// How `server` is connected to.
pub(super) fn http(config: &Config, key: u32, server: Endpoint) -> HttpSettings {
    let mut http = HttpSettings::new(server);
    let file = |option| config.string_at(option, key).map(PathBuf::from);
    http.verify_tls = config
        .boolean_or_unset_at(option::REPO_STORAGE_VERIFY_TLS, key)
        .unwrap_or(true);
    http.ca_file = file(option::REPO_STORAGE_CA_FILE);
    http.ca_path = file(option::REPO_STORAGE_CA_PATH);
    http.io_timeout = config
        .time(option::IO_TIMEOUT)
        .unwrap_or(Duration::from_secs(60));
    http
}

/// Where in the bucket the repository is, what is read ahead, and what may wait in memory.
pub(super) fn objects(config: &Config, key: u32) -> ObjectSettings {
    let default = ObjectSettings::default();
    let workers = config
        .integer(option::PROCESS_MAX)
        .and_then(|workers| usize::try_from(workers).ok())
        .unwrap_or(1);
    ObjectSettings {
        root: config
            .string_at(option::REPO_PATH, key)
            .unwrap_or("/var/lib/pgbackrest")
            .to_owned(),
        prefetch: config
            .integer_at(option::REPO_STORAGE_PREFETCH, key)
            .and_then(|pieces| usize::try_from(pieces).ok())
            .unwrap_or(default.prefetch),
        read_over: config
            .size_at(option::REPO_STORAGE_READ_OVER, key)
            .unwrap_or(default.read_over),
        // As pgBackRest's workers: each may have a part under way while it fills the next.
        byte_budget: default
            .byte_budget
            .max(chunk_size(config, key).saturating_mul(workers)),
        target_time: None,
        lock: lock(config, key),
    }
}

/// How new objects are locked.
fn lock(config: &Config, key: u32) -> Option<Lock> {
    let mode = match config.string_at(option::REPO_STORAGE_LOCK, key)? {
        "compliance" => LockMode::Compliance,
        _ => LockMode::Governance,
    };
    let days = config.integer_at(option::REPO_STORAGE_LOCK_DAYS, key)?;
    let days = u32::try_from(days).ok()?;
    Some(Lock { mode, days })
}

/// Size of the first parts of an upload; its default is that of the store.
pub(super) fn chunk_size(config: &Config, key: u32) -> usize {
    config
        .size_at(option::REPO_STORAGE_UPLOAD_CHUNK_SIZE, key)
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(5 << 20)
}

/// Tags of every new object.
pub(super) fn tags(config: &Config, key: u32) -> Vec<(String, String)> {
    config
        .map_at(option::REPO_STORAGE_TAG, key)
        .unwrap_or_default()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    fn config(options: &[&str]) -> Config {
        let mut all = vec![
            "--repo1-type=s3",
            "--repo1-s3-bucket=b",
            "--repo1-s3-region=r",
            "--repo1-s3-key-type=auto",
        ];
        all.extend(options);
        let context = test_context::new(Program::PgKeep, "info", &all);
        context.config.as_ref().clone()
    }

    fn connection(options: &[&str]) -> Result<String> {
        let config = config(options);
        let named = endpoint(&config, option::REPO_S3_ENDPOINT, 1)?;
        Ok(server(&config, 1, named)?.url())
    }

    #[test]
    fn host_and_port_take_the_place_of_the_endpoints() {
        for (options, url) in [
            (&["--repo1-s3-endpoint=e"][..], "https://e:443"),
            (&["--repo1-s3-endpoint=http://e/path"], "http://e:80"),
            (&["--repo1-s3-endpoint=[::1]:9000"], "https://[::1]:9000"),
            (
                &["--repo1-s3-endpoint=e:1", "--repo1-storage-port=443"],
                "https://e:443",
            ),
            (
                &["--repo1-s3-endpoint=e:1", "--repo1-storage-host=h"],
                "https://h:443",
            ),
            (
                &[
                    "--repo1-s3-endpoint=e",
                    "--repo1-storage-host=http://h:2",
                    "--repo1-storage-port=3",
                ],
                "http://h:3",
            ),
        ] {
            assert_eq!(connection(options).unwrap(), url, "{options:?}");
        }
    }

    #[test]
    fn what_names_no_host_is_a_format_error_that_names_the_option() {
        for text in ["no:such:thing", "::1", "ftp://e", "e:port", "http://e?x"] {
            let error = connection(&[&format!("--repo1-s3-endpoint={text}")]).unwrap_err();
            assert_eq!(error.code, ErrorCode::Format, "{text}");
            assert_eq!(error.message, format!("invalid URL '{text}'"));
            assert!(error.hints[0].contains("repo1-s3-endpoint"), "{error}");
        }
    }

    #[test]
    fn how_a_bucket_is_used_follows_the_options() {
        let config = config(&[
            "--repo1-s3-endpoint=e",
            "--repo1-path=/r",
            "--repo1-storage-prefetch=9",
            "--repo1-storage-read-over=1KiB",
            "--repo1-storage-tag=a=b",
            "--repo1-storage-tag=c=d e",
            "--no-repo1-storage-verify-tls",
            "--repo1-storage-ca-file=/ca",
            "--repo1-storage-ca-path=/cas",
            "--io-timeout=7",
            "--repo1-storage-lock=compliance",
            "--repo1-storage-lock-days=30",
        ]);
        let objects = objects(&config, 1);
        assert_eq!((objects.prefetch, objects.read_over), (9, 1024));
        assert_eq!(
            (objects.root.as_str(), objects.byte_budget),
            ("/r", 64 << 20)
        );
        let lock = Lock {
            mode: LockMode::Compliance,
            days: 30,
        };
        assert_eq!(objects.lock, Some(lock));
        assert_eq!(chunk_size(&config, 1), 5 << 20);
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags(&config, 1), [tag("a", "b"), tag("c", "d e")]);
        let http = http(&config, 1, Endpoint::parse("e").unwrap());
        assert!(!http.verify_tls);
        assert_eq!(http.ca_file.as_deref(), Some("/ca".as_ref()));
        assert_eq!(http.ca_path.as_deref(), Some("/cas".as_ref()));
        assert_eq!(http.io_timeout, Duration::from_secs(7));
    }

    #[test]
    fn each_worker_may_have_a_part_of_any_size_under_way() {
        let options = ["--repo1-type=s3", "--repo1-s3-bucket=b"];
        let more = [
            "--repo1-s3-region=r",
            "--repo1-s3-endpoint=e",
            "--repo1-s3-key-type=auto",
            "--process-max=4",
            "--repo1-storage-upload-chunk-size=32MiB",
            "--pg1-path=/pg",
        ];
        let all = [&options[..], &more[..]].concat();
        let context = test_context::new(Program::PgKeep, "archive-push", &all);
        assert_eq!(objects(&context.config, 1).byte_budget, 128 << 20);
    }
}
