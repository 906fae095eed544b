//! `repo-target-time`: the repository as it was then. Only storages that keep versions have that.

use pgkeep_config::{Config, option, option_name};

use crate::error::{Error, ErrorCode, Result};
use crate::run::context::Context;
use crate::run::time_text;

/// Kinds of storage that read earlier versions.
const KEEP_VERSIONS: &[&str] = &["azure", "gcs", "s3"];

/// Refuses the option for a storage that has no versions. pgBackRest ignores it there and shows what is there now, which
/// may be taken for what was there then.
///
/// # Errors
/// [`ErrorCode::OptionInvalid`].
pub(super) fn refuse(config: &Config, key: u32) -> Result<()> {
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    if !config.is_set(option::REPO_TARGET_TIME) || KEEP_VERSIONS.contains(&kind) {
        return Ok(());
    }
    let kind_option = option_name(option::REPO_TYPE, key);
    Err(Error::new(
        ErrorCode::OptionInvalid,
        format!(
            "option '{}' cannot be used with '{kind_option}={kind}': this storage does not keep earlier versions of files",
            option::REPO_TARGET_TIME.name
        ),
    )
    .with_hint(format!(
        "name a repository in a bucket that keeps versions with --repo, or remove the option. Repositories of these types can: {}.",
        KEEP_VERSIONS.join(", ")
    )))
}

/// The time in seconds since 1970, where one is asked for.
///
/// # Errors
/// [`ErrorCode::Format`] for what is not a time.
pub(super) fn of(context: &Context) -> Result<Option<i64>> {
    let Some(text) = context.config.string(option::REPO_TARGET_TIME) else {
        return Ok(None);
    };
    match time_text::parse(text, context.clock.zone()) {
        Some(time) => Ok(Some(time)),
        None => Err(
            Error::new(ErrorCode::Format, format!("invalid date/time {text}")).with_hint(format!(
                "option '{}' has the form YYYY-MM-DD HH:MM:SS with an optional fraction and an optional time zone such as \
                 +02. Without a time zone it is local time.",
                option::REPO_TARGET_TIME.name
            )),
        ),
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    fn context(time: &str, kind: &[&str]) -> Context {
        let time = format!("--repo-target-time={time}");
        let options = [&["--repo=1", &time], kind].concat();
        test_context::new(Program::PgKeep, "info", &options)
    }

    const S3: &[&str] = &[
        "--repo1-type=s3",
        "--repo1-s3-bucket=b",
        "--repo1-s3-region=r",
        "--repo1-s3-endpoint=e",
        "--repo1-s3-key-type=auto",
    ];

    #[test]
    fn a_storage_without_versions_is_refused_by_name() {
        for kind in ["posix", "cifs"] {
            let context = context("2026-01-01 12:00:00+00", &[&format!("--repo1-type={kind}")]);
            let error = refuse(&context.config, 1).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalid);
            assert!(
                error.message.contains(&format!("repo1-type={kind}")),
                "{error}"
            );
            assert!(!error.hints.is_empty());
        }
        let context = context("2026-01-01 12:00:00+00", S3);
        refuse(&context.config, 1).unwrap();
        assert_eq!(of(&context).unwrap(), Some(1_767_268_800));
    }

    #[test]
    fn what_is_no_time_is_a_format_error() {
        let error = of(&context("2026-01-01", S3)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Format);
        assert_eq!(error.message, "invalid date/time 2026-01-01");
        assert!(error.hints[0].contains("YYYY-MM-DD HH:MM:SS"), "{error}");
    }
}
