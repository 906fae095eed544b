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

/// S3 bucket.
pub const REPO_S3_BUCKET: &OptionDef = &OptionDef {
    name: "repo-s3-bucket",
    deprecated: &[Deprecated::unindexed("repo-s3-bucket")],
    summary: "S3 bucket.",
    help: "Must exist. Several repositories can share it if their `repo-path` differ. A name with \
        dots needs `repo-s3-uri-style=path`, because certificates do not cover it as a host name.",
    example: "repo1-s3-bucket=pg-backup",
    ..S3
};

/// S3 endpoint.
pub const REPO_S3_ENDPOINT: &OptionDef = &OptionDef {
    name: "repo-s3-endpoint",
    deprecated: &[Deprecated::unindexed("repo-s3-endpoint")],
    summary: "S3 endpoint.",
    help: "The host name of the service, of the bucket's region if possible. May begin with \
        `http://` (no TLS at all) and end with a port.",
    example: "repo1-s3-endpoint=s3.eu-central-1.amazonaws.com",
    ..S3
};

/// S3 access key.
pub const REPO_S3_KEY: &OptionDef = &OptionDef {
    name: "repo-s3-key",
    deprecated: &[Deprecated::unindexed("repo-s3-key")],
    summary: "S3 access key.",
    help: "The identifier that belongs to `repo-s3-key-secret`. It needs the rights to list the \
        bucket and to read, write and delete objects.",
    example: "repo1-s3-key=AKIAIOSFODNN7EXAMPLE",
    ..S3_SHARED_KEY
};

/// S3 secret access key.
pub const REPO_S3_KEY_SECRET: &OptionDef = &OptionDef {
    name: "repo-s3-key-secret",
    deprecated: &[Deprecated::unindexed("repo-s3-key-secret")],
    summary: "S3 secret access key.",
    help: "Let only its user read the configuration file. It is refused on the command line, where \
        others could see it.",
    example: "repo1-s3-key-secret=wJalrXUtnFEMI…",
    ..S3_SHARED_KEY
};

/// Kind of S3 credentials.
pub const REPO_S3_KEY_TYPE: &OptionDef = &OptionDef {
    name: "repo-s3-key-type",
    kind: Kind::StringId,
    default: Default::Is("shared"),
    allowed: &["shared", "auto", "web-id", "pod-id", "process"],
    summary: "Kind of S3 credentials.",
    help: "`shared` takes key and secret from the configuration. `auto` gets temporary ones from the \
        EC2 instance, `pod-id` and `web-id` are the two ways of EKS, and `process` runs a program \
        that prints some.\n\n\
        Everything but `shared` keeps secrets out of the configuration and renews credentials in \
        time.",
    example: "repo1-s3-key-type=auto",
    ..S3
};

/// KMS key for encryption in S3.
pub const REPO_S3_KMS_KEY_ID: &OptionDef = &OptionDef {
    name: "repo-s3-kms-key-id",
    required: false,
    summary: "KMS key for encryption in S3.",
    help: "New objects are encrypted by the service with this key. Independent of \
        `repo-cipher-type`. The credentials need rights for the key.",
    example: "repo1-s3-kms-key-id=bceb4f13-6939-4be3-910d-df54dee817b7",
    ..S3
};

/// Program that prints S3 credentials.
pub const REPO_S3_PROCESS_CMD: &OptionDef = &OptionDef {
    name: "repo-s3-process-cmd",
    kind: Kind::List,
    multiple: true,
    depends: Some(Depend::on("repo-s3-key-type", &["process"])),
    summary: "Program that prints S3 credentials.",
    help: "The first value is the program, each further one an argument; no shell is involved. It \
        must print JSON with `AccessKeyId`, `SecretAccessKey`, `SessionToken` and `Expiration`, and \
        is run again before they expire.",
    example: "repo1-s3-process-cmd=/usr/local/bin/s3-credentials",
    ..S3
};

/// S3 region.
pub const REPO_S3_REGION: &OptionDef = &OptionDef {
    name: "repo-s3-region",
    deprecated: &[Deprecated::unindexed("repo-s3-region")],
    summary: "S3 region.",
    help: "The region of the bucket. Compatible stores usually accept any text, but it must be the \
        one they sign with.",
    example: "repo1-s3-region=eu-central-1",
    ..S3
};

/// Agree to pay for S3 requests.
pub const REPO_S3_REQUESTER_PAYS: &OptionDef = &OptionDef {
    name: "repo-s3-requester-pays",
    kind: Kind::Boolean,
    default: Default::Is("n"),
    negatable: true,
    summary: "Agree to pay for S3 requests.",
    help: "Needed for buckets where the requester pays.",
    example: "repo1-s3-requester-pays=y",
    ..S3
};

/// Role for temporary S3 credentials.
pub const REPO_S3_ROLE: &OptionDef = &OptionDef {
    name: "repo-s3-role",
    required: false,
    depends: Some(Depend::on("repo-s3-key-type", &["auto"])),
    summary: "Role for temporary S3 credentials.",
    help: "The role of the EC2 instance to use with `repo-s3-key-type=auto`. Unset: the one that the \
        instance has.",
    example: "repo1-s3-role=pg-backup",
    ..S3
};

/// Name of the service in S3 signatures.
pub const REPO_S3_SERVICE: &OptionDef = &OptionDef {
    name: "repo-s3-service",
    default: Default::Is("s3"),
    required: false,
    summary: "Name of the service in S3 signatures.",
    help: "Part of what is signed. Change it only for services that require another name.",
    example: "repo1-s3-service=s3express",
    ..S3
};

/// Your own key for encryption in S3.
pub const REPO_S3_SSE_CUSTOMER_KEY: &OptionDef = &OptionDef {
    name: "repo-s3-sse-customer-key",
    required: false,
    depends: Some(Depend::on("repo-type", &["s3"])),
    summary: "Your own key for encryption in S3.",
    help: "32 bytes in base64, sent with every request. The service encrypts with it and does not \
        keep it. If the key is lost, so is the repository. `repo-cipher-type` does the same without \
        trust in the service.",
    example: "repo1-s3-sse-customer-key=GwNNxAXHRSZUsH…",
    ..S3_SHARED_KEY
};

/// Host of the token service of S3.
pub const REPO_S3_STS_HOST: &OptionDef = &OptionDef {
    name: "repo-s3-sts-host",
    default: Default::Is("sts.amazonaws.com"),
    depends: Some(Depend::on("repo-s3-key-type", &["web-id"])),
    summary: "Host of the token service of S3.",
    help: "Used with `repo-s3-key-type=web-id`. Set it for the endpoint of a region or a private \
        endpoint.",
    example: "repo1-s3-sts-host=sts.eu-central-1.amazonaws.com",
    ..S3
};

/// Session token of S3 credentials.
pub const REPO_S3_TOKEN: &OptionDef = &OptionDef {
    name: "repo-s3-token",
    required: false,
    summary: "Session token of S3 credentials.",
    help: "For temporary credentials in the configuration. They expire after some hours, so this \
        suits single tasks only, see `repo-s3-key-type`.",
    example: "repo1-s3-token=FwoGZXIvYXdzEPj…",
    ..S3_SHARED_KEY
};

/// Form of S3 addresses.
pub const REPO_S3_URI_STYLE: &OptionDef = &OptionDef {
    name: "repo-s3-uri-style",
    kind: Kind::StringId,
    default: Default::Is("host"),
    allowed: &["host", "path"],
    summary: "Form of S3 addresses.",
    help: "`host` puts the bucket into the host name, `path` into the path. Servers of your own \
        usually need `path`.",
    example: "repo1-s3-uri-style=path",
    ..S3
};
