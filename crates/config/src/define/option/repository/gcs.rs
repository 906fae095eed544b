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
    help: "Must exist. Several repositories can share it if their `repo-path` differ.\n\n\
        The account needs `storage.objects.list`, `get`, `create` and `delete` in it, as in the role \
        Storage Object User (`roles/storage.objectUser`). Files that are written again, such as \
        `backup.info`, need `delete` too.",
    example: "repo1-gcs-bucket=pg-backup",
    ..GCS
};

/// GCS endpoint.
pub const REPO_GCS_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-gcs-endpoint",
    default: Default::Is("storage.googleapis.com"),
    summary: "GCS endpoint.",
    help: "Change it for private endpoints and for emulators. May begin with `http://`, which means \
        without TLS, and end with a port. An authority that the system does not know is named by \
        `repo-storage-ca-file`.",
    example: "repo1-gcs-endpoint=localhost:4443",
    ..GCS
};

/// GCS key file or token.
pub const REPO_GCS_KEY: &OptionDef = &OptionDef {
    name: "repo-gcs-key",
    secure: true,
    depends: Some(Depend::on("repo-gcs-key-type", &["service", "token"])),
    summary: "GCS key file or token.",
    help: "With key type `service` the path of the JSON file with the key of a service account. It is \
        used to sign requests for tokens and is never sent. The file must be readable for the user who \
        runs the command, and for nobody else.\n\n\
        With `token` the value of the header `authorization` as it is sent: `Bearer` and a token. A \
        token ends after an hour at most and is not renewed, so it suits tests only.",
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
        machine, which needs no secret in the configuration, and `token` a given token. Tokens of \
        `service` and `auto` are renewed before they end.\n\n\
        With `auto` the machine must have been made with access to Cloud Storage (scope \
        `devstorage.read_write` or `cloud-platform`).",
    example: "repo1-gcs-key-type=auto",
    ..GCS
};

/// Project that pays for GCS requests.
pub const REPO_GCS_USER_PROJECT: &OptionDef = &OptionDef {
    name: "repo-gcs-user-project",
    required: false,
    depends: None,
    summary: "Project that pays for GCS requests.",
    help: "Needed for buckets where the requester pays. The account needs \
        `serviceusage.services.use` in this project.",
    example: "repo1-gcs-user-project=my-project",
    ..GCS
};
