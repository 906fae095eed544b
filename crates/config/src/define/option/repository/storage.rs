//! Options that all object stores share: address, TLS, transfer sizes, tags.
//!
//! Buckets and credentials are in the file of each store. Those marked `ours` are not pgBackRest's.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// An option that means something for every object store.
const OBJECT_STORE: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::on("repo-type", &["azure", "gcs", "s3"])),
    ..OptionDef::REPOSITORY
};

/// An option of object stores that pgBackRest does not know.
const OURS: OptionDef = OptionDef {
    ours: true,
    ..OBJECT_STORE
};

/// Authority that signed the object store's certificate.
pub const REPO_STORAGE_CA_FILE: &OptionDef = &OptionDef {
    name: "repo-storage-ca-file",
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-ca-file"),
        Deprecated::either("repo-s3-ca-file"),
    ],
    summary: "Authority that signed the object store's certificate.",
    help: "PEM file with trusted certificates. Unset: those of the operating system. Needed for \
        servers with certificates of your own.",
    example: "repo1-storage-ca-file=/etc/pki/tls/certs/ca-bundle.crt",
    ..OBJECT_STORE
};

/// Directory of authorities for the object store's certificate.
pub const REPO_STORAGE_CA_PATH: &OptionDef = &OptionDef {
    name: "repo-storage-ca-path",
    kind: Kind::Path,
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-ca-path"),
        Deprecated::either("repo-s3-ca-path"),
    ],
    summary: "Directory of authorities for the object store's certificate.",
    help: "Directory with PEM files named by hash, as `openssl rehash` makes it. An alternative to \
        `repo-storage-ca-file`.",
    example: "repo1-storage-ca-path=/etc/pki/tls/certs",
    ..OBJECT_STORE
};

/// Address to connect to instead of the endpoint.
pub const REPO_STORAGE_HOST: &OptionDef = &OptionDef {
    name: "repo-storage-host",
    required: false,
    deprecated: &[
        Deprecated::indexed("repo-azure-host"),
        Deprecated::either("repo-s3-host"),
    ],
    depends: Some(Depend::on("repo-type", &["azure", "s3"])),
    summary: "Address to connect to instead of the endpoint.",
    help: "For servers that are reached at another address than that of their name, as in tests or \
        behind a proxy. May begin with `https://` or `http://` (no TLS at all) and end with a port.\n\n\
        With S3 the endpoint still stands in the requests; with Azure this value replaces it.",
    example: "repo1-storage-host=127.0.0.1",
    ..OBJECT_STORE
};

/// Lock for new objects.
pub const REPO_STORAGE_LOCK: &OptionDef = &OptionDef {
    name: "repo-storage-lock",
    kind: Kind::StringId,
    required: false,
    allowed: &["compliance", "governance"],
    depends: Some(Depend::on("repo-type", &["azure", "gcs", "s3"])),
    summary: "Lock new objects, so that nobody can delete them.",
    help: "Every new object of the repository is locked for `repo-storage-lock-days`. Somebody who has \
        stolen the credentials can then hide backups, but not destroy them. Unset: nothing is locked, \
        except by a rule of the bucket.\n\n\
        The storage must be made for it: with S3 a bucket with Object Lock, with Azure a container with \
        support for version-level immutability, with GCS a bucket with object retention enabled and \
        Object Versioning.\n\n\
        `compliance`: nobody can end a lock, not even the owner of the account. `governance`: who has a \
        permission for it can: with S3 `s3:BypassGovernanceRetention`, with GCS \
        `storage.objects.overrideUnlockedRetention`. With Azure everybody can who may store locked \
        objects, the credentials of the repository included: use `compliance` there.\n\n\
        `expire` keeps a backup as long as it or one that depends on it is locked, and says so. `info` \
        shows until when. `doctor` says what somebody with the credentials could delete.",
    example: "repo1-storage-lock=compliance",
    ..OURS
};

/// How long new objects are locked.
pub const REPO_STORAGE_LOCK_DAYS: &OptionDef = &OptionDef {
    name: "repo-storage-lock-days",
    kind: Kind::Integer,
    range: Some(Range::Is("1", "36500")),
    depends: Some(Depend::on(
        "repo-storage-lock",
        &["compliance", "governance"],
    )),
    summary: "How many days new objects are locked.",
    help: "From when an object is written. A differential or incremental backup needs earlier backups, \
        whose locks end earlier: add the time between two full backups to the time for which you want \
        to be safe.\n\n\
        Storage of locked objects must be paid for until the lock ends, also if `expire` would have \
        removed them before.",
    example: "repo1-storage-lock-days=30",
    ..OURS
};

/// Port of the object store.
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
    summary: "Port of the object store.",
    help: "443, or 80 if the address begins with `http://`. It takes precedence over a port in the \
        address.",
    example: "repo1-storage-port=9000",
    ..OBJECT_STORE
};

/// Requests sent ahead when reading.
pub const REPO_STORAGE_PREFETCH: &OptionDef = &OptionDef {
    name: "repo-storage-prefetch",
    kind: Kind::Integer,
    default: Default::Is("3"),
    range: Some(Range::Is("0", "1024")),
    summary: "Requests sent ahead when reading.",
    help: "When several parts of objects are needed in order, up to this many are requested ahead of \
        the one being read. That saves the latency of the store in restores from bundles and from \
        block incremental backups, and takes memory for each worker. 0: none.",
    example: "repo1-storage-prefetch=8",
    ..OBJECT_STORE
};

/// Gap up to which two reads become one.
pub const REPO_STORAGE_READ_OVER: &OptionDef = &OptionDef {
    name: "repo-storage-read-over",
    kind: Kind::Size,
    default: Default::Is("64KiB"),
    range: Some(Range::Is("0B", "1MiB")),
    summary: "Gap up to which two reads become one.",
    help: "Parts of one object that are no more than this number of bytes apart are fetched with one \
        request, and the gap is discarded. That saves requests and transfers some more bytes.",
    example: "repo1-storage-read-over=256KiB",
    ..OBJECT_STORE
};

/// Tag for new objects.
pub const REPO_STORAGE_TAG: &OptionDef = &OptionDef {
    name: "repo-storage-tag",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "Tag for new objects.",
    help: "Key, `=`, and value. The option can be repeated. Rules of the bucket, for cost or \
        lifecycle, can refer to it. Objects that exist already are not changed. The credentials may \
        need an extra permission.",
    example: "repo1-storage-tag=department=shop",
    ..OBJECT_STORE
};

/// Size of the parts of large uploads.
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
    summary: "Size of the parts of large uploads.",
    help: "In bytes. Files that fit into one part are uploaded with a single request. Each worker \
        needs memory for one part or two.\n\n\
        For very large files the parts are made larger automatically, to stay within the store's \
        limit of 10000 parts. Larger parts mean fewer requests, and more to repeat after an error.",
    example: "repo1-storage-upload-chunk-size=16MiB",
    ..OBJECT_STORE
};

/// Check the object store's certificate.
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
    summary: "Check the object store's certificate.",
    help: "Turn it off only for tests: without the check anybody in between can read and change what \
        is transferred. For certificates of your own use `repo-storage-ca-file`.",
    example: "repo1-storage-verify-tls=n",
    ..OBJECT_STORE
};
