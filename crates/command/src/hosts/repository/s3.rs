//! The settings of an S3 repository from its options, and from what the environment of a pod tells.

use std::path::PathBuf;

use pgkeep_config::{option, option_name};
use pgkeep_storage::http::Endpoint;
use pgkeep_storage::s3::{KeySource, Now, S3Settings, UriStyle};
use secrecy::SecretString;

use super::{bucket, target_time};
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Who tells a machine of Amazon's which role it has.
const METADATA: &str = "http://169.254.169.254";

/// Everything the bucket needs; that it cannot be reached is found out when something is asked.
///
/// # Errors
/// [`ErrorCode::Format`] for an address that is none, [`ErrorCode::OptionInvalid`] for keys that the environment should name and
/// does not.
pub(super) fn settings(context: &Context, key: u32) -> Result<S3Settings> {
    let config = &context.config;
    let text = |option| config.string_at(option, key).unwrap_or_default();
    let clock = context.clock.clone();
    let mut settings = S3Settings::new(
        text(option::REPO_S3_BUCKET),
        bucket::endpoint(config, option::REPO_S3_ENDPOINT, key)?,
        text(option::REPO_S3_REGION),
        keys(context, key)?,
        Now::new(move || clock.seconds()),
    );
    if text(option::REPO_S3_URI_STYLE) == "path" {
        settings.uri_style = UriStyle::Path;
    }
    let named = S3Settings::connection(&settings.bucket, &settings.endpoint, settings.uri_style);
    settings.http = bucket::http(config, key, bucket::server(config, key, named)?);
    settings.objects = bucket::objects(config, key);
    settings.objects.target_time = target_time::of(context)?;
    settings.chunk_size = bucket::chunk_size(config, key);
    settings.tags = bucket::tags(config, key);
    if let Some(service) = config.string_at(option::REPO_S3_SERVICE, key) {
        settings.service = service.to_owned();
    }
    settings.kms_key_id = config
        .string_at(option::REPO_S3_KMS_KEY_ID, key)
        .map(str::to_owned);
    settings.customer_key = config
        .secret_at(option::REPO_S3_SSE_CUSTOMER_KEY, key)
        .cloned();
    settings.requester_pays = config
        .boolean_or_unset_at(option::REPO_S3_REQUESTER_PAYS, key)
        .unwrap_or(false);
    Ok(settings)
}

/// Where keys come from, by `repo-s3-key-type`.
fn keys(context: &Context, key: u32) -> Result<KeySource> {
    let config = &context.config;
    let secret = |option| config.secret_at(option, key).cloned();
    let given = |option| secret(option).unwrap_or_else(|| SecretString::from(""));
    Ok(match config.string_at(option::REPO_S3_KEY_TYPE, key) {
        Some("auto") => KeySource::Auto {
            role: config
                .string_at(option::REPO_S3_ROLE, key)
                .map(str::to_owned),
            metadata: address(METADATA)?,
        },
        Some("web-id") => {
            let [role, token_file] = from_environment(
                context,
                key,
                ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"],
            )?;
            KeySource::WebId {
                role,
                token_file: PathBuf::from(token_file),
                sts: bucket::endpoint(config, option::REPO_S3_STS_HOST, key)?,
            }
        }
        Some("pod-id") => {
            let [url, token_file] = from_environment(
                context,
                key,
                [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                ],
            )?;
            let (server, path) = server_and_path(&url)?;
            KeySource::PodId {
                server,
                path,
                token_file: PathBuf::from(token_file),
            }
        }
        Some("process") => KeySource::Process {
            command: config
                .list_at(option::REPO_S3_PROCESS_CMD, key)
                .unwrap_or_default()
                .to_vec(),
        },
        _ => KeySource::Shared {
            key: given(option::REPO_S3_KEY),
            secret: given(option::REPO_S3_KEY_SECRET),
            token: secret(option::REPO_S3_TOKEN),
        },
    })
}

/// Two variables that the platform sets for its programs.
fn from_environment(context: &Context, key: u32, names: [&str; 2]) -> Result<[String; 2]> {
    let value = |name: &str| context.environment.get(name).cloned();
    match names.map(value) {
        [Some(first), Some(second)] => Ok([first, second]),
        _ => {
            let option = option_name(option::REPO_S3_KEY_TYPE, key);
            let kind = context.config.string_at(option::REPO_S3_KEY_TYPE, key);
            Err(Error::new(
                ErrorCode::OptionInvalid,
                format!(
                    "option '{option}' is '{}' but '{}' and '{}' are not set",
                    kind.unwrap_or_default(),
                    names[0],
                    names[1]
                ),
            ))
        }
    }
}

fn address(url: &str) -> Result<Endpoint> {
    Endpoint::parse(url).map_err(|reason| {
        Error::new(ErrorCode::Format, format!("invalid URL '{url}'")).with_hint(reason)
    })
}

/// Taken apart: what is connected to, and what is asked for there. Without a scheme it is plain text: it is this machine.
fn server_and_path(url: &str) -> Result<(Endpoint, String)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((address(&format!("{scheme}://{host}"))?, format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pgkeep_config::Program;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::run::test_context;

    fn context(options: &[&str], environment: &[(&str, &str)]) -> Context {
        let mut all = vec![
            "--repo1-type=s3",
            "--repo1-s3-bucket=bucket",
            "--repo1-s3-endpoint=s3.example.org",
            "--repo1-s3-region=eu",
        ];
        all.extend(options);
        let of = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Context {
            environment: environment.iter().map(of).collect::<BTreeMap<_, _>>(),
            ..test_context::new(Program::PgKeep, "info", &all)
        }
    }

    #[test]
    fn the_bucket_is_in_the_host_or_in_the_path_and_the_endpoint_stays_what_is_signed() {
        let auto = "--repo1-s3-key-type=auto";
        let host = settings(&context(&[auto], &[]), 1).unwrap();
        assert_eq!(host.http.server.url(), "https://bucket.s3.example.org:443");
        assert_eq!(host.service, "s3");
        assert!(!host.requester_pays && host.kms_key_id.is_none());
        let other = [
            auto,
            "--repo1-s3-uri-style=path",
            "--repo1-storage-host=127.0.0.1",
            "--repo1-storage-port=9000",
            "--repo1-s3-service=s3express",
            "--repo1-s3-requester-pays",
            "--repo1-s3-kms-key-id=kms",
        ];
        let path = settings(&context(&other, &[]), 1).unwrap();
        assert_eq!(path.uri_style, UriStyle::Path);
        assert_eq!(path.http.server.url(), "https://127.0.0.1:9000");
        assert_eq!(path.endpoint.host, "s3.example.org");
        assert_eq!(path.service, "s3express");
        assert!(path.requester_pays);
        assert_eq!(path.kms_key_id.as_deref(), Some("kms"));
    }

    #[test]
    fn keys_come_from_where_the_type_says() {
        let source = |options: &[&str], environment: &[(&str, &str)]| {
            settings(&context(options, environment), 1).map(|settings| settings.keys)
        };
        let auto = source(&["--repo1-s3-key-type=auto", "--repo1-s3-role=me"], &[]).unwrap();
        assert!(
            matches!(&auto, KeySource::Auto { role: Some(role), metadata }
                if role == "me" && metadata.url() == "http://169.254.169.254:80"),
            "{auto:?}"
        );
        let web = source(
            &[
                "--repo1-s3-key-type=web-id",
                "--repo1-s3-sts-host=sts.eu.example.org",
            ],
            &[
                ("AWS_ROLE_ARN", "arn:x"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ],
        )
        .unwrap();
        assert!(
            matches!(&web, KeySource::WebId { role, token_file, sts } if role == "arn:x"
                && token_file.as_os_str() == "/token" && sts.url() == "https://sts.eu.example.org:443"),
            "{web:?}"
        );
        let pod = source(
            &["--repo1-s3-key-type=pod-id"],
            &[
                (
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    "http://169.254.170.23/v1/credentials",
                ),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
            ],
        )
        .unwrap();
        assert!(
            matches!(&pod, KeySource::PodId { server, path, .. }
                if server.url() == "http://169.254.170.23:80" && path == "/v1/credentials"),
            "{pod:?}"
        );
        let process = source(
            &[
                "--repo1-s3-key-type=process",
                "--repo1-s3-process-cmd=/bin/keys",
                "--repo1-s3-process-cmd=two words",
            ],
            &[],
        )
        .unwrap();
        assert!(
            matches!(&process, KeySource::Process { command } if *command == ["/bin/keys", "two words"]),
            "{process:?}"
        );
    }

    #[test]
    fn given_keys_and_the_key_of_the_customer_come_from_the_options_and_are_not_shown() {
        let options = [
            "--repo1-type=s3",
            "--repo1-s3-bucket=bucket",
            "--repo1-s3-endpoint=s3.example.org",
            "--repo1-s3-region=eu",
        ];
        let secrets = [
            ("PGBACKREST_REPO1_S3_KEY", "one-x"),
            ("PGBACKREST_REPO1_S3_KEY_SECRET", "two-x"),
            ("PGBACKREST_REPO1_S3_TOKEN", "three-x"),
            ("PGBACKREST_REPO1_S3_SSE_CUSTOMER_KEY", "four-x"),
        ];
        let context = test_context::with_environment(Program::PgKeep, "info", &options, &secrets);
        let settings = settings(&context, 1).unwrap();
        assert_eq!(settings.region, "eu");
        let customer = settings.customer_key.as_ref().unwrap();
        assert_eq!(customer.expose_secret(), "four-x");
        let shown = format!("{settings:?}");
        for (_, secret) in secrets {
            assert!(!shown.contains(secret), "{shown}");
        }
        let KeySource::Shared { key, secret, token } = settings.keys else {
            panic!("the keys are given");
        };
        assert_eq!(
            (key.expose_secret(), secret.expose_secret()),
            ("one-x", "two-x")
        );
        assert_eq!(token.unwrap().expose_secret(), "three-x");
    }

    #[test]
    fn keys_of_a_platform_need_its_variables() {
        for (kind, first, second) in [
            ("web-id", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
            (
                "pod-id",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            ),
        ] {
            let option = format!("--repo1-s3-key-type={kind}");
            let error = settings(&context(&[&option], &[(first, "x")]), 1).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalid);
            assert_eq!(
                error.message,
                format!(
                    "option 'repo1-s3-key-type' is '{kind}' but '{first}' and '{second}' are not set"
                )
            );
        }
    }
}
