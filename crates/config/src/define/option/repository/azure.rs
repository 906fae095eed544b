//! Options of repositories in Azure Blob Storage.
//!
//! What all object stores share is in `storage`.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Kind, OptionDef};

/// An option that means something for Azure only.
const AZURE: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::on("repo-type", &["azure"])),
    ..OptionDef::REPOSITORY
};

/// `repo-azure-account`.
pub const REPO_AZURE_ACCOUNT: &OptionDef = &OptionDef {
    name: "repo-azure-account",
    secure: true,
    summary: "",
    help: "",
    example: "",
    ..AZURE
};

/// `repo-azure-container`.
pub const REPO_AZURE_CONTAINER: &OptionDef = &OptionDef {
    name: "repo-azure-container",
    summary: "",
    help: "",
    example: "",
    ..AZURE
};

/// `repo-azure-endpoint`.
pub const REPO_AZURE_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-azure-endpoint",
    default: Default::Is("blob.core.windows.net"),
    secure: true,
    summary: "",
    help: "",
    example: "",
    ..AZURE
};

/// `repo-azure-key`.
pub const REPO_AZURE_KEY: &OptionDef = &OptionDef {
    name: "repo-azure-key",
    required: false,
    secure: true,
    depends: Some(Depend::on("repo-azure-key-type", &["shared", "sas"])),
    summary: "",
    help: "",
    example: "",
    ..AZURE
};

/// `repo-azure-key-type`.
pub const REPO_AZURE_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-azure-key-type",
    kind: Kind::StringId,
    default: Default::Is("shared"),
    allowed: &["shared", "sas", "auto"],
    summary: "",
    help: "",
    example: "",
    ..AZURE
};

/// `repo-azure-uri-style`.
pub const REPO_AZURE_URI_STYLE: &OptionDef = &OptionDef {
    name: "repo-azure-uri-style",
    kind: Kind::StringId,
    default: Default::Is("host"),
    allowed: &["host", "path"],
    summary: "",
    help: "",
    example: "",
    ..AZURE
};
