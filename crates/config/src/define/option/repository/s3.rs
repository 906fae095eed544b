//! Options of repositories in S3 and compatible object stores.
//!
//! What all object stores share is in `storage`.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef};

/// An option that means something for S3 only.
const S3: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::on("repo-type", &["s3"])),
    ..OptionDef::REPOSITORY
};

/// A secret given in the configuration.
const S3_SHARED_KEY: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    secure: true,
    depends: Some(Depend::on("repo-s3-key-type", &["shared"])),
    ..OptionDef::REPOSITORY
};

/// `repo-s3-bucket`.
pub const REPO_S3_BUCKET: &OptionDef = &OptionDef {
    name: "repo-s3-bucket",
    deprecated: &[Deprecated::unindexed("repo-s3-bucket")],
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-endpoint`.
pub const REPO_S3_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-s3-endpoint",
    deprecated: &[Deprecated::unindexed("repo-s3-endpoint")],
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-key`.
pub const REPO_S3_KEY: &OptionDef = &OptionDef {
    name: "repo-s3-key",
    deprecated: &[Deprecated::unindexed("repo-s3-key")],
    summary: "",
    help: "",
    example: "",
    ..S3_SHARED_KEY
};

/// `repo-s3-key-secret`.
pub const REPO_S3_KEY_SECRET: &OptionDef = &OptionDef {
    name: "repo-s3-key-secret",
    deprecated: &[Deprecated::unindexed("repo-s3-key-secret")],
    summary: "",
    help: "",
    example: "",
    ..S3_SHARED_KEY
};

/// `repo-s3-key-type`.
pub const REPO_S3_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-s3-key-type",
    kind: Kind::StringId,
    default: Default::Is("shared"),
    allowed: &["shared", "auto", "web-id", "pod-id", "process"],
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-kms-key-id`.
pub const REPO_S3_KMS_KEY_ID: &OptionDef = &OptionDef {
    name: "repo-s3-kms-key-id",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-process-cmd`.
pub const REPO_S3_PROCESS_CMD: &OptionDef = &OptionDef {
    name: "repo-s3-process-cmd",
    kind: Kind::List,
    multiple: true,
    depends: Some(Depend::on("repo-s3-key-type", &["process"])),
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-region`.
pub const REPO_S3_REGION: &OptionDef = &OptionDef {
    name: "repo-s3-region",
    deprecated: &[Deprecated::unindexed("repo-s3-region")],
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-requester-pays`.
pub const REPO_S3_REQUESTER_PAYS: &OptionDef = &OptionDef {
    name: "repo-s3-requester-pays",
    kind: Kind::Boolean,
    default: Default::Is("n"),
    negatable: true,
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-role`.
pub const REPO_S3_ROLE: &OptionDef = &OptionDef {
    name: "repo-s3-role",
    required: false,
    depends: Some(Depend::on("repo-s3-key-type", &["auto"])),
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-service`.
pub const REPO_S3_SERVICE: &OptionDef = &OptionDef {
    name: "repo-s3-service",
    default: Default::Is("s3"),
    required: false,
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-sse-customer-key`.
pub const REPO_S3_SSE_CUSTOMER_KEY: &OptionDef = &OptionDef {
    name: "repo-s3-sse-customer-key",
    required: false,
    depends: Some(Depend::on("repo-type", &["s3"])),
    summary: "",
    help: "",
    example: "",
    ..S3_SHARED_KEY
};

/// `repo-s3-sts-host`.
pub const REPO_S3_STS_HOST: &OptionDef = &OptionDef {
    name: "repo-s3-sts-host",
    default: Default::Is("sts.amazonaws.com"),
    depends: Some(Depend::on("repo-s3-key-type", &["web-id"])),
    summary: "",
    help: "",
    example: "",
    ..S3
};

/// `repo-s3-token`.
pub const REPO_S3_TOKEN: &OptionDef = &OptionDef {
    name: "repo-s3-token",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..S3_SHARED_KEY
};

/// `repo-s3-uri-style`.
pub const REPO_S3_URI_STYLE: &OptionDef = &OptionDef {
    name: "repo-s3-uri-style",
    kind: Kind::StringId,
    default: Default::Is("host"),
    allowed: &["host", "path"],
    summary: "",
    help: "",
    example: "",
    ..S3
};
