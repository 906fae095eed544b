//! One function for each format that comes from outside: it takes any bytes, and panics when a promise is broken.
//!
//! The promises: Bad input is an error, never a panic. What was parsed can be written, and says the same when it is parsed
//! again. A small input makes neither a large value nor endless work. Every function is a target of libFuzzer and a test
//! over the corpus.

mod configuration;
mod names;
mod pipeline;
mod plan;
mod postgres;
mod protocol;
mod repository;

/// Names of the targets, which are also the directories of the corpus, and what they run.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("archive_info", repository::archive_info),
    ("backup_info", repository::backup_info),
    ("block_delta", pipeline::block_delta),
    ("block_map", pipeline::block_map),
    ("configuration", configuration::configuration),
    ("decode", pipeline::decode),
    ("history", postgres::history),
    ("info_json", repository::info_json),
    ("lock_file", configuration::lock_file),
    ("manifest", repository::manifest),
    ("names", names::names),
    ("pg_control", postgres::pg_control),
    ("plan", plan::plan),
    ("protocol_conversation", protocol::conversation),
    ("protocol_frames", protocol::frames),
    ("protocol_greeting", protocol::greeting),
    ("recovery_settings", postgres::recovery_settings),
    ("wal_header", postgres::wal_header),
];

/// Runs the target of this name.
///
/// # Panics
/// When there is no such target, or when a promise is broken.
pub fn run(target: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, body) = found.expect("the target is in the list");
    body(data);
}
