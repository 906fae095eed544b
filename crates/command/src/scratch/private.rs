//! What keeps the scratch server to itself: nothing of it reaches out, and nobody else reaches it.
//!
//! It starts with a configuration of its own. What the original's said is not used, so no library is loaded and no worker of an
//! extension runs. These settings are said on the command line besides, where nothing overrides them.

use std::path::Path;

/// Settings and values of every version from 12 on.
const ALWAYS: &[(&str, &str)] = &[
    // Nobody but we connects: a socket in a directory of its own.
    ("listen_addresses", ""),
    ("port", "5432"),
    ("ssl", "off"),
    ("bonjour", "off"),
    // Nothing leaves: no WAL, no replication, no subscriptions.
    ("archive_mode", "off"),
    ("archive_command", ""),
    ("archive_cleanup_command", ""),
    ("recovery_end_command", ""),
    ("primary_conninfo", ""),
    ("primary_slot_name", ""),
    ("max_wal_senders", "0"),
    ("max_logical_replication_workers", "0"),
    // A commit would wait for a standby for ever.
    ("synchronous_standby_names", ""),
    // Without it no limit of the original has to be known: connections are accepted once recovery has ended.
    ("hot_standby", "off"),
    ("wal_level", "replica"),
    ("autovacuum", "off"),
    // Huge pages are set aside for the original.
    ("huge_pages", "off"),
    // All that is left behind by force lies in the directory.
    ("dynamic_shared_memory_type", "mmap"),
    ("external_pid_file", ""),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    // It is read there whether the target was reached.
    ("log_min_messages", "warning"),
    ("lc_messages", "C"),
    ("cluster_name", "pgkeep-scratch"),
];

/// Settings that only later versions know.
const SINCE: &[(u32, &str, &str)] = &[(15, "archive_library", ""), (17, "event_triggers", "off")];

/// Settings that follow from where the directory is.
const PLACES: [&str; 7] = [
    "config_file",
    "data_directory",
    "hba_file",
    "ident_file",
    "restore_command",
    "unix_socket_directories",
    "unix_socket_permissions",
];

/// What names a file, a command or another server reaches out of the scratch directory.
const REACHING: [(&str, &str); 13] = [
    ("include", ""),
    ("archive_", ""),
    ("primary_", ""),
    ("recovery_target", ""),
    ("ssl_", ""),
    ("krb_", ""),
    ("syslog_", ""),
    ("", "_command"),
    ("", "_conninfo"),
    ("", "_directory"),
    ("", "_directories"),
    ("", "_file"),
    ("", "_tablespaces"),
];

/// With these damage would pass for order.
const BLINDING: [&str; 4] = [
    "ignore_checksum_failure",
    "ignore_invalid_pages",
    "ignore_system_indexes",
    "zero_damaged_pages",
];

/// Settings of the sessions of ours, where those of a role or a database do not override them: nothing is loaded, no trigger
/// runs, nothing ends a session, nothing hides damage, and the role stays the superuser it is.
const SESSION: &[(u32, &str, &str)] = &[
    (12, "session_preload_libraries", ""),
    (12, "local_preload_libraries", ""),
    (12, "session_replication_role", "replica"),
    (12, "role", "none"),
    (12, "default_transaction_read_only", "off"),
    (12, "statement_timeout", "0"),
    (12, "lock_timeout", "0"),
    (12, "idle_in_transaction_session_timeout", "0"),
    (14, "idle_session_timeout", "0"),
    (17, "transaction_timeout", "0"),
    (17, "event_triggers", "off"),
    (12, "ignore_checksum_failure", "off"),
    (12, "ignore_system_indexes", "off"),
    (12, "zero_damaged_pages", "off"),
];

/// Why a user may not choose a setting, if so.
pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
    };
    let reserved = ALWAYS.iter().any(|(reserved, _)| *reserved == name)
        || SINCE.iter().any(|(_, reserved, _)| *reserved == name)
        || SESSION.iter().any(|(_, reserved, _)| *reserved == name)
        || PLACES.contains(&name.as_str());
    let reaching = REACHING
        .iter()
        .any(|(before, after)| name.starts_with(before) && name.ends_with(after));
    if !is_name(&name) {
        Some("name a setting of PostgreSQL: scratch-setting=shared_buffers=4GB")
    } else if BLINDING.contains(&name.as_str()) {
        Some("with it damage would not be found.")
    } else if reserved || reaching {
        Some("it is set already, so that the scratch cluster is kept to itself.")
    } else {
        None
    }
}

/// `PGOPTIONS` of our own sessions.
pub(crate) fn session_options(major: u32) -> String {
    let known = SESSION.iter().filter(|(since, ..)| *since <= major);
    let words: Vec<String> = known
        .map(|(_, name, value)| format!("-c {name}={value}"))
        .collect();
    words.join(" ")
}

/// Sizes of WAL that fit segments of this size: the defaults, or what the server needs at least to start.
pub(crate) fn wal_sizes(segment_size: u32) -> [(&'static str, u64); 2] {
    let segment = u64::from(segment_size) >> 20;
    [
        ("min_wal_size", (2 * segment).max(80)),
        ("max_wal_size", (2 * segment).max(1024)),
    ]
}

/// Words for the command line of `postgres`.
pub(crate) fn arguments(major: u32, root: &Path, restore_command: &str) -> Vec<String> {
    let place = |name: &str| root.join(name).display().to_string();
    let mut settings: Vec<(&str, String)> = vec![
        ("config_file", place("conf/postgresql.conf")),
        ("data_directory", place("data")),
        ("hba_file", place("conf/pg_hba.conf")),
        ("ident_file", place("conf/pg_ident.conf")),
        ("unix_socket_directories", place("run")),
        ("unix_socket_permissions", "0700".to_owned()),
        ("restore_command", restore_command.to_owned()),
    ];
    settings.extend(
        ALWAYS
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let known = SINCE.iter().filter(|(since, ..)| *since <= major);
    settings.extend(known.map(|(_, name, value)| (*name, (*value).to_owned())));
    let words = settings.into_iter();
    words
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
        .collect()
}

/// Of the settings that `restore` has written only the target stays.
pub(crate) fn target_of(auto_conf: &str) -> String {
    let written = auto_conf
        .rfind("# Recovery settings generated by")
        .map_or("", |at| &auto_conf[at..]);
    written
        .lines()
        .filter(|line| line.starts_with("recovery_target"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_target_of_this_restore_stays() {
        let text = "recovery_target_time = 'old'\nshared_buffers = '64GB'\nprimary_conninfo = 'host=primary'\n\
            # Recovery settings generated by pgBackRest restore on 2026-01-01 00:00:00\n\
            restore_command = 'x'\nrecovery_target_lsn = '0/5'\narchive_mode = 'off'\n";
        assert_eq!(target_of(text), "recovery_target_lsn = '0/5'\n");
        assert_eq!(target_of("recovery_target_time = 'old'\n"), "");
    }

    #[test]
    fn what_reaches_out_cannot_be_chosen_and_memory_can() {
        for name in [
            "archive_command",
            "Primary_Conninfo",
            "recovery_target_time",
            "listen_addresses",
            "include",
            "include_if_exists",
            "stats_temp_directory",
            "promote_trigger_file",
            "temp_tablespaces",
            "huge_pages",
            "Zero_Damaged_Pages",
            "work_mem\ninclude",
            "",
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
        for name in [
            "shared_preload_libraries",
            "shared_buffers",
            "timescaledb.license",
        ] {
            assert_eq!(refusal(name), None, "{name}");
        }
        let words = arguments(12, Path::new("/d"), "get");
        assert!(words.contains(&"archive_command=".to_owned()));
        assert!(!words.iter().any(|word| word.starts_with("archive_library")));
        assert!(arguments(15, Path::new("/d"), "get").contains(&"archive_library=".to_owned()));
    }

    #[test]
    fn a_server_with_large_segments_gets_wal_sizes_it_starts_with() {
        assert_eq!(
            wal_sizes(16 << 20),
            [("min_wal_size", 80), ("max_wal_size", 1024)]
        );
        assert_eq!(
            wal_sizes(64 << 20),
            [("min_wal_size", 128), ("max_wal_size", 1024)]
        );
        assert_eq!(
            wal_sizes(1 << 30),
            [("min_wal_size", 2048), ("max_wal_size", 2048)]
        );
    }

    #[test]
    fn sessions_run_no_triggers_and_have_only_settings_of_their_version() {
        let old = session_options(12);
        assert!(old.contains("-c session_replication_role=replica"), "{old}");
        assert!(!old.contains("event_triggers") && !old.contains("transaction_timeout=0 -c event"));
        assert!(session_options(17).contains("-c event_triggers=off"));
    }
}
