//! By what a repository is told from another one that has the same number later.

use pgkeep_config::option::{self, OptionDef};
use pgkeep_pipeline::Sha1Digest;
use pgkeep_storage::StoragePath;
use secrecy::ExposeSecret;

use crate::hosts::Repository;
use crate::run::Context;

/// What says which host, account or bucket it is, beside its path. Of a secret one the checksum is taken.
const OPTIONS: [&OptionDef; 11] = [
    option::REPO_TYPE,
    option::REPO_HOST,
    option::REPO_SFTP_HOST,
    option::REPO_SFTP_HOST_PORT,
    option::REPO_S3_ENDPOINT,
    option::REPO_S3_BUCKET,
    option::REPO_AZURE_ENDPOINT,
    option::REPO_AZURE_ACCOUNT,
    option::REPO_AZURE_CONTAINER,
    option::REPO_GCS_ENDPOINT,
    option::REPO_GCS_BUCKET,
];

/// The place of a repository: its path, and where that is.
pub(super) fn of(context: &Context, repository: &Repository) -> String {
    let mut place = repository.storage.display(&StoragePath::root());
    for option in OPTIONS {
        let config = &context.config;
        if config.source(option, repository.key).is_default() {
            continue;
        }
        let value = match option.secure {
            false => config.string_at(option, repository.key).map(str::to_owned),
            true => (config.secret_at(option, repository.key))
                .map(|secret| Sha1Digest::of(secret.expose_secret().as_bytes()).to_string()),
        };
        if let Some(value) = value {
            place.push_str(&format!(" {}={value}", option.name));
        }
    }
    place
}
