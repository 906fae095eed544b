//! The settings of a GCS repository from its options.

use std::path::PathBuf;

use pgkeep_config::option;
use pgkeep_storage::gcs::{GcsSettings, TokenSource, check_key_file};
use pgkeep_storage::http::{Endpoint, Now};
use secrecy::{ExposeSecret, SecretString};

use super::{bucket, target_time};
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Who tells a machine of Google's which account it has.
const METADATA: &str = "http://metadata.google.internal";

/// Commands that change nothing in a repository: their tokens are good for reading alone, as with pgBackRest.
const ONLY_READ: &[&str] = &[
    "archive-get",
    "info",
    "manifest",
    "repo-get",
    "repo-ls",
    "restore",
    "verify",
];

/// Everything the bucket needs; that it cannot be reached is found out when something is asked.
///
/// # Errors
/// [`ErrorCode::Format`] for an address that is none.
pub(super) fn settings(context: &Context, key: u32) -> Result<GcsSettings> {
    let config = &context.config;
    let clock = context.clock.clone();
    let endpoint = bucket::endpoint(config, option::REPO_GCS_ENDPOINT, key)?;
    let mut settings = GcsSettings::new(
        config
            .string_at(option::REPO_GCS_BUCKET, key)
            .unwrap_or_default(),
        endpoint.clone(),
        token(
            config.string_at(option::REPO_GCS_KEY_TYPE, key),
            config.secret_at(option::REPO_GCS_KEY, key).cloned(),
        )?,
        Now::new(move || clock.seconds()),
    );
    settings.http = bucket::http(config, key, endpoint);
    settings.objects = bucket::objects(config, key);
    settings.objects.target_time = target_time::of(context)?;
    settings.chunk_size = bucket::chunk_size(config, key);
    settings.tags = bucket::tags(config, key);
    settings.only_reads = ONLY_READ.contains(&config.command().name());
    settings.user_project = config
        .string_at(option::REPO_GCS_USER_PROJECT, key)
        .map(str::to_owned);
    Ok(settings)
}

/// Where tokens come from, by `repo-gcs-key-type`. What `repo-gcs-key` says is a file or the token itself.
fn token(kind: Option<&str>, key: Option<SecretString>) -> Result<TokenSource> {
    let key = key.unwrap_or_else(|| SecretString::from(""));
    Ok(match kind {
        Some("auto") => TokenSource::Auto {
            metadata: Endpoint::parse(METADATA).map_err(|reason| {
                Error::new(ErrorCode::Format, format!("invalid URL '{METADATA}'")).with_hint(reason)
            })?,
        },
        Some("token") => TokenSource::Given(key),
        _ => {
            let key_file = PathBuf::from(key.expose_secret());
            check_key_file(&key_file).map_err(|what| {
                Error::new(
                    ErrorCode::Format,
                    format!("key file '{}' cannot be used: {what}", key_file.display()),
                )
                .with_hint(
                    "repo-gcs-key names the key file of a service account, unless repo-gcs-key-type says otherwise.",
                )
            })?;
            TokenSource::Service { key_file }
        }
    })
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    fn of(options: &[&str]) -> GcsSettings {
        let mut all = vec!["--repo1-type=gcs", "--repo1-gcs-bucket=bucket"];
        all.extend(options);
        let context = test_context::new(Program::PgKeep, "info", &all);
        settings(&context, 1).unwrap()
    }

    #[test]
    fn the_options_become_settings() {
        let default = of(&["--repo1-gcs-key-type=auto"]);
        assert_eq!(default.bucket, "bucket");
        assert_eq!(
            default.http.server.url(),
            "https://storage.googleapis.com:443"
        );
        assert_eq!(default.chunk_size, 4 << 20);
        assert_eq!(default.user_project, None);
        let other = of(&[
            "--repo1-gcs-key-type=auto",
            "--repo1-gcs-endpoint=http://localhost:4443",
            "--repo1-gcs-user-project=payer",
            "--repo1-storage-tag=a=b",
            "--repo1-path=/r",
        ]);
        assert_eq!(other.http.server.url(), "http://localhost:4443");
        assert_eq!(other.user_project.as_deref(), Some("payer"));
        assert_eq!(other.tags, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(other.objects.root, "/r");
    }

    #[test]
    fn commands_that_only_read_ask_for_no_more() {
        let pg = "--pg1-path=/pg";
        let retention = "--repo1-retention-full=1";
        for (command, expected, needs) in [
            ("info", true, &[][..]),
            ("archive-get", true, &[pg][..]),
            ("restore", true, &[pg][..]),
            ("verify", true, &[][..]),
            ("backup", false, &[pg, retention][..]),
            ("archive-push", false, &[pg][..]),
            ("expire", false, &[retention][..]),
        ] {
            let options = [
                &[
                    "--repo1-type=gcs",
                    "--repo1-gcs-bucket=bucket",
                    "--repo1-gcs-key-type=auto",
                ],
                needs,
            ]
            .concat();
            let context = test_context::new(Program::PgKeep, command, &options);
            let settings = settings(&context, 1).unwrap();
            assert_eq!(settings.only_reads, expected, "{command}");
        }
    }

    #[test]
    fn a_key_file_that_is_none_is_a_format_error_as_with_pgbackrest() {
        let error = token(Some("service"), Some("/proc/version".into())).unwrap_err();
        assert_eq!(error.code, ErrorCode::Format);
        assert_eq!(
            error.message,
            "key file '/proc/version' cannot be used: it is no JSON"
        );
    }

    #[test]
    fn tokens_come_from_where_the_type_says() {
        let auto = of(&["--repo1-gcs-key-type=auto"]).token;
        assert!(
            matches!(&auto, TokenSource::Auto { metadata } if metadata.url() == "http://metadata.google.internal:80"),
            "{auto:?}"
        );
        let from = |kind| token(Some(kind), Some("/key".into())).unwrap();
        assert!(
            matches!(from("service"), TokenSource::Service { key_file } if key_file.as_os_str() == "/key")
        );
        assert!(
            matches!(from("token"), TokenSource::Given(token) if token.expose_secret() == "/key")
        );
    }
}
