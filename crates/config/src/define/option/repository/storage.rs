//! Options that all object stores share: address, TLS, transfer sizes, tags.
//!
//! Buckets and credentials are in the file of each store.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// An option that means something for every object store.
const OBJECT_STORE: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::on("repo-type", &["azure", "gcs", "s3"])),
    ..OptionDef::REPOSITORY
};

/// `repo-storage-ca-file`.
pub const REPO_STORAGE_CA_FILE: &OptionDef = &OptionDef {
    name: "repo-storage-ca-file",
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-ca-file"),
        Deprecated::either("repo-s3-ca-file"),
    ],
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-ca-path`.
pub const REPO_STORAGE_CA_PATH: &OptionDef = &OptionDef {
    name: "repo-storage-ca-path",
    kind: Kind::Path,
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-ca-path"),
        Deprecated::either("repo-s3-ca-path"),
    ],
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-host`.
pub const REPO_STORAGE_HOST: &OptionDef = &OptionDef {
    name: "repo-storage-host",
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-host"),
        Deprecated::either("repo-s3-host"),
    ],
    depends: Some(Depend::on("repo-type", &["azure", "s3"])),
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-port`.
pub const REPO_STORAGE_PORT: &OptionDef = &OptionDef {
    name: "repo-storage-port",
    kind: Kind::Integer,
    default: Default::Is("443"),
    range: Some(Range::Is("1", "65535")),
    deprecated: &[
        Deprecated::indexed("repo-azure-port"),
        Deprecated::indexed("repo-s3-port"),
    ],
    depends: Some(Depend::on("repo-type", &["azure", "s3"])),
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-prefetch`.
pub const REPO_STORAGE_PREFETCH: &OptionDef = &OptionDef {
    name: "repo-storage-prefetch",
    kind: Kind::Integer,
    default: Default::Is("3"),
    range: Some(Range::Is("0", "1024")),
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-read-over`.
pub const REPO_STORAGE_READ_OVER: &OptionDef = &OptionDef {
    name: "repo-storage-read-over",
    kind: Kind::Size,
    default: Default::Is("64KiB"),
    range: Some(Range::Is("0B", "1MiB")),
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-tag`.
pub const REPO_STORAGE_TAG: &OptionDef = &OptionDef {
    name: "repo-storage-tag",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-upload-chunk-size`.
pub const REPO_STORAGE_UPLOAD_CHUNK_SIZE: &OptionDef = &OptionDef {
    name: "repo-storage-upload-chunk-size",
    kind: Kind::Size,
    default: Default::ByOption {
        option: "repo-type",
        values: &[("azure", "4MiB"), ("gcs", "4MiB"), ("s3", "5MiB")],
    },
    range: Some(Range::ByOption {
        option: "repo-type",
        values: &[
            ("azure", "4MiB", "1GiB"),
            ("gcs", "4MiB", "1GiB"),
            ("s3", "5MiB", "1GiB"),
        ],
    }),
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};

/// `repo-storage-verify-tls`.
pub const REPO_STORAGE_VERIFY_TLS: &OptionDef = &OptionDef {
    name: "repo-storage-verify-tls",
    kind: Kind::Boolean,
    default: Default::Is("y"),
    negatable: true,
    deprecated: &[
        Deprecated::indexed("repo-azure-verify-tls"),
        Deprecated::either("repo-s3-verify-ssl"),
        Deprecated::indexed("repo-s3-verify-tls"),
    ],
    summary: "",
    help: "",
    example: "",
    ..OBJECT_STORE
};
