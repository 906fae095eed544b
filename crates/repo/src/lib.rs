//! What a repository contains: layout, labels, info files, backup manifests, retention.
//!
//! This crate is the on-disk format and its invariants. It runs no SQL, starts no threads and reads no options.
//! Only [`layout`] spells repository paths. Files written by pgBackRest parse and are written again byte for byte.

pub mod archive;
pub mod archive_id;
pub mod archive_info;
pub mod backup_info;
pub mod backup_label;
pub mod backup_type;
pub mod bundle;
pub mod cipher_keys;
pub mod claims;
pub mod closed;
pub mod durability;
pub mod error;
pub mod info_file;
pub mod kept_key;
pub mod layout;
mod limits;
pub mod manifest;
pub mod pg_history;
pub mod pin;
pub mod retention;
pub mod sets;
pub mod stanza;

pub use archive_id::ArchiveId;
pub use archive_info::ArchiveInfo;
pub use backup_info::BackupInfo;
pub use backup_label::BackupLabel;
pub use backup_type::BackupType;
pub use error::{Error, ErrorType, Result};
pub use manifest::Manifest;
pub use pg_history::PgHistory;
pub use stanza::Stanza;
