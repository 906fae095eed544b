//! The settings of an Azure repository from its options.

use pgkeep_config::{option, option_name};
use pgkeep_storage::azure::{Access, AzureSettings, UriStyle, check_key, check_signature};
use pgkeep_storage::http::{Endpoint, Now};
use secrecy::{ExposeSecret, SecretString};

use super::{bucket, target_time};
use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;

/// Who gives a machine in Azure tokens for its identity.
const METADATA: &str = "http://169.254.169.254";

/// Everything the container needs; that it cannot be reached is found out when something is asked.
///
/// # Errors
/// [`ErrorCode::Format`] for an address or a shared access signature that is none, [`ErrorCode::OptionInvalidValue`] for a
/// key that is none.
pub(super) fn settings(context: &Context, key: u32) -> Result<AzureSettings> {
    let config = &context.config;
    let text = |option| config.string_at(option, key).unwrap_or_default();
    let secret = |option| {
        config
            .secret_at(option, key)
            .map(ExposeSecret::expose_secret)
    };
    // As with pgBackRest a host takes the place of the endpoint, in what is signed too, and brings the account into the path
    // unless the style was named: that is how emulators are reached.
    let is_host = config.string_at(option::REPO_STORAGE_HOST, key).is_some();
    let endpoint = match is_host {
        true => bucket::endpoint(config, option::REPO_STORAGE_HOST, key)?,
        false => bucket::endpoint(config, option::REPO_AZURE_ENDPOINT, key)?,
    };
    let is_default = config
        .source(option::REPO_AZURE_URI_STYLE, key)
        .is_default();
    let clock = context.clock.clone();
    let mut settings = AzureSettings::new(
        secret(option::REPO_AZURE_ACCOUNT).unwrap_or_default(),
        text(option::REPO_AZURE_CONTAINER),
        endpoint,
        access(context, key)?,
        Now::new(move || clock.seconds()),
    );
    if text(option::REPO_AZURE_URI_STYLE) == "path" || is_host && is_default {
        settings.uri_style = UriStyle::Path;
    }
    let named =
        AzureSettings::connection(&settings.account, &settings.endpoint, settings.uri_style);
    settings.http = bucket::http(config, key, bucket::with_port(config, key, named));
    settings.objects = bucket::objects(config, key);
    settings.objects.target_time = target_time::of(context)?;
    settings.chunk_size = bucket::chunk_size(config, key);
    settings.tags = bucket::tags(config, key);
    Ok(settings)
}

/// What requests are authorized with, by `repo-azure-key-type`.
fn access(context: &Context, key: u32) -> Result<Access> {
    let config = &context.config;
    let name = option_name(option::REPO_AZURE_KEY, key);
    let kind_name = option_name(option::REPO_AZURE_KEY_TYPE, key);
    let kind = config
        .string_at(option::REPO_AZURE_KEY_TYPE, key)
        .unwrap_or("shared");
    if kind == "auto" {
        return Ok(Access::Auto {
            metadata: Endpoint::parse(METADATA).map_err(|reason| {
                Error::new(ErrorCode::Format, format!("invalid URL '{METADATA}'")).with_hint(reason)
            })?,
        });
    }
    let given: SecretString = config
        .secret_at(option::REPO_AZURE_KEY, key)
        .cloned()
        .ok_or_else(|| {
            Error::new(
                ErrorCode::OptionRequired,
                format!(
                    "{} command requires option: {name}",
                    config.command().name()
                ),
            )
            .with_hint(format!("option {kind_name} is '{kind}'."))
        })?;
    if kind == "sas" {
        check_signature(&given).map_err(|reason| {
            Error::new(
                ErrorCode::Format,
                format!("invalid value for '{name}' option: {reason}"),
            )
        })?;
        return Ok(Access::Sas(given));
    }
    check_key(&given).map_err(|reason| {
        Error::new(
            ErrorCode::OptionInvalidValue,
            format!("invalid value for '{name}' option: {reason}"),
        )
        .with_hint(format!(
            "value must be valid base64 when '{kind_name} = shared'."
        ))
    })?;
    Ok(Access::Shared(given))
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    fn of(options: &[&str]) -> Result<AzureSettings> {
        let mut all = vec!["--repo1-type=azure", "--repo1-azure-container=box"];
        all.extend(options);
        let secrets = [
            ("PGBACKREST_REPO1_AZURE_ACCOUNT", "acct"),
            ("PGBACKREST_REPO1_AZURE_KEY", "YXpLZXk="),
        ];
        let context = test_context::with_environment(Program::PgKeep, "info", &all, &secrets);
        settings(&context, 1)
    }

    #[test]
    fn the_account_is_in_the_host_unless_another_host_or_the_style_says_otherwise() {
        for (options, style, url) in [
            (
                &[][..],
                UriStyle::Host,
                "https://acct.blob.core.windows.net:443",
            ),
            (
                &["--repo1-azure-uri-style=path"],
                UriStyle::Path,
                "https://blob.core.windows.net:443",
            ),
            (
                &["--repo1-storage-host=http://h:10000"],
                UriStyle::Path,
                "http://h:10000",
            ),
            (
                &["--repo1-storage-host=h", "--repo1-storage-port=1"],
                UriStyle::Path,
                "https://h:1",
            ),
            (
                &["--repo1-storage-host=h", "--repo1-azure-uri-style=host"],
                UriStyle::Host,
                "https://acct.h:443",
            ),
        ] {
            let settings = of(options).unwrap();
            assert_eq!(settings.uri_style, style, "{options:?}");
            assert_eq!(settings.http.server.url(), url, "{options:?}");
            assert_eq!(
                (settings.account.as_str(), settings.container.as_str()),
                ("acct", "box")
            );
            assert_eq!(settings.chunk_size, 4 << 20);
        }
    }

    #[test]
    fn what_authorizes_is_checked_by_its_kind_and_never_shown() {
        assert!(matches!(of(&[]).unwrap().access, Access::Shared(_)));
        let auto = of(&["--repo1-azure-key-type=auto"]).unwrap();
        assert!(
            matches!(&auto.access, Access::Auto { metadata } if metadata.url() == "http://169.254.169.254:80")
        );
        let all = ["--repo1-type=azure", "--repo1-azure-container=box"];
        let with = |kind: &str, key: &str| {
            let kind = format!("--repo1-azure-key-type={kind}");
            let options = [&all[..], &[kind.as_str()]].concat();
            let secrets = [
                ("PGBACKREST_REPO1_AZURE_ACCOUNT", "acct"),
                ("PGBACKREST_REPO1_AZURE_KEY", key),
            ];
            let context =
                test_context::with_environment(Program::PgKeep, "info", &options, &secrets);
            settings(&context, 1).map(|settings| settings.access)
        };
        assert!(matches!(
            with("sas", "?sv=1&sig=x").unwrap(),
            Access::Sas(_)
        ));
        let error = with("shared", "bogus").unwrap_err();
        assert_eq!(error.code, ErrorCode::OptionInvalidValue);
        assert_eq!(
            error.message,
            "invalid value for 'repo1-azure-key' option: base64 size 5 is not evenly divisible by 4"
        );
        assert_eq!(
            error.hints,
            ["value must be valid base64 when 'repo1-azure-key-type = shared'."]
        );
        let error = with("sas", "secret").unwrap_err();
        assert_eq!(error.code, ErrorCode::Format);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
