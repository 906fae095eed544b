//! Options of repositories in Google Cloud Storage.
//!
//! What all object stores share is in `storage`.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Kind, OptionDef};

/// An option that means something for GCS only.
const GCS: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::set("repo-gcs-key-type")),
    ..OptionDef::REPOSITORY
};

/// GCS bucket.
pub const REPO_GCS_BUCKET: &OptionDef = &OptionDef {
    name: "repo-gcs-bucket",
    summary: "GCS bucket.",
    help: "Must exist. Several repositories can share it if their `repo-path` differ.",
    example: "repo1-gcs-bucket=pg-backup",
    ..GCS
};

/// GCS endpoint.
pub const REPO_GCS_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-gcs-endpoint",
    default: Default::Is("storage.googleapis.com"),
    summary: "GCS endpoint.",
    help: "Change it for private endpoints and for emulators. May begin with `http://` and end with \
        a port.",
    example: "repo1-gcs-endpoint=localhost:4443",
    ..GCS
};

/// GCS key file or token.
pub const REPO_GCS_KEY: &OptionDef = &OptionDef {
    name: "repo-gcs-key",
    secure: true,
    depends: Some(Depend::on("repo-gcs-key-type", &["service", "token"])),
    summary: "GCS key file or token.",
    help: "With key type `service` the path of the JSON file of a service account, with `token` an \
        authorization value to send as it is. A token soon expires, so it suits tests only.",
    example: "repo1-gcs-key=/etc/pgbackrest/gcs-key.json",
    ..GCS
};

/// Kind of GCS credentials.
pub const REPO_GCS_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-gcs-key-type",
    kind: Kind::StringId,
    default: Default::Is("service"),
    allowed: &["service", "token", "auto"],
    depends: Some(Depend::on("repo-type", &["gcs"])),
    summary: "Kind of GCS credentials.",
    help: "`service` is the key file of a service account, `auto` the account of the virtual \
        machine, which needs no secret in the configuration, and `token` a given token.",
    example: "repo1-gcs-key-type=auto",
    ..GCS
};

/// Project that pays for GCS requests.
pub const REPO_GCS_USER_PROJECT: &OptionDef = &OptionDef {
    name: "repo-gcs-user-project",
    required: false,
    depends: None,
    summary: "Project that pays for GCS requests.",
    help: "Needed for buckets where the requester pays.",
    example: "repo1-gcs-user-project=my-project",
    ..GCS
};
