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

/// Azure storage account.
pub const REPO_AZURE_ACCOUNT: &OptionDef = &OptionDef {
    name: "repo-azure-account",
    secure: true,
    summary: "Azure storage account.",
    help: "The account that owns the container. It counts as a secret, so it is refused on the \
        command line.",
    example: "repo1-azure-account=pgbackup",
    ..AZURE
};

/// Azure container.
pub const REPO_AZURE_CONTAINER: &OptionDef = &OptionDef {
    name: "repo-azure-container",
    summary: "Azure container.",
    help: "Must exist: pgkeep does not make it. Several repositories can share it if their `repo-path` \
        differ.\n\n\
        Blocks of an upload that was broken off go with the directory they belong to, or after a week.",
    example: "repo1-azure-container=pg-backup",
    ..AZURE
};

/// Azure endpoint.
pub const REPO_AZURE_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-azure-endpoint",
    default: Default::Is("blob.core.windows.net"),
    secure: true,
    summary: "Azure endpoint.",
    help: "Change it for national clouds and for emulators: `[http://|https://]host[:port]`, without the \
        account. It counts as a secret, so it is refused on the command line.",
    example: "repo1-azure-endpoint=blob.core.usgovcloudapi.net",
    ..AZURE
};

/// Azure key or shared access signature.
pub const REPO_AZURE_KEY: &OptionDef = &OptionDef {
    name: "repo-azure-key",
    required: false,
    secure: true,
    depends: Some(Depend::on("repo-azure-key-type", &["shared", "sas"])),
    summary: "Azure key or shared access signature.",
    help: "With key type `shared` a key of the account (base64), which may do everything in the account. With \
        `sas` a shared access signature for the container (`sv=…&sig=…`). It needs the permissions read, \
        write, delete and list, and with `repo-storage-tag` tags. Renew it before it ends: \
        nothing can be archived then.",
    example: "repo1-azure-key=T+9+aov82qNhrcXSNGZCzm9m…",
    ..AZURE
};

/// Kind of Azure credentials.
pub const REPO_AZURE_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-azure-key-type",
    kind: Kind::StringId,
    default: Default::Is("shared"),
    allowed: &["shared", "sas", "auto"],
    summary: "Kind of Azure credentials.",
    help: "`shared` is an account key, `sas` a shared access signature with limited rights, `auto` the managed \
        identity of the virtual machine, which needs no secret in the configuration.\n\n\
        An identity needs the role `Storage Blob Data Contributor` on the container. Where the \
        machine has no system-assigned identity, it must have exactly one user-assigned one.",
    example: "repo1-azure-key-type=sas",
    ..AZURE
};

/// Form of Azure addresses.
pub const REPO_AZURE_URI_STYLE: &OptionDef = &OptionDef {
    name: "repo-azure-uri-style",
    kind: Kind::StringId,
    default: Default::Is("host"),
    allowed: &["host", "path"],
    summary: "Form of Azure addresses.",
    help: "`host` puts the account into the host name (`account.blob.core.windows.net/container`), `path` into \
        the path (`host/account/container`). Emulators usually need `path`, which is the default where \
        `repo-storage-host` is set.",
    example: "repo1-azure-uri-style=path",
    ..AZURE
};
