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

/// `repo-gcs-bucket`.
pub const REPO_GCS_BUCKET: &OptionDef = &OptionDef {
    name: "repo-gcs-bucket",
    summary: "",
    help: "",
    example: "",
    ..GCS
};

/// `repo-gcs-endpoint`.
pub const REPO_GCS_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-gcs-endpoint",
    default: Default::Is("storage.googleapis.com"),
    summary: "",
    help: "",
    example: "",
    ..GCS
};

/// `repo-gcs-key`.
pub const REPO_GCS_KEY: &OptionDef = &OptionDef {
    name: "repo-gcs-key",
    secure: true,
    depends: Some(Depend::on("repo-gcs-key-type", &["service", "token"])),
    summary: "",
    help: "",
    example: "",
    ..GCS
};

/// `repo-gcs-key-type`.
pub const REPO_GCS_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-gcs-key-type",
    kind: Kind::StringId,
    default: Default::Is("service"),
    allowed: &["service", "token", "auto"],
    depends: Some(Depend::on("repo-type", &["gcs"])),
    summary: "",
    help: "",
    example: "",
    ..GCS
};

/// `repo-gcs-user-project`.
pub const REPO_GCS_USER_PROJECT: &OptionDef = &OptionDef {
    name: "repo-gcs-user-project",
    required: false,
    depends: None,
    summary: "",
    help: "",
    example: "",
    ..GCS
};
