//! The lines for the configuration file that use what was set up.

use super::settings::Settings;

/// `[global]` and the options of the repository, in the form of a configuration file.
pub(super) fn configuration(settings: &Settings) -> String {
    let storage = &settings.storage;
    let key_file = settings.private_key_file.display();
    let mut lines = vec![
        ("type", "sftp".to_owned()),
        ("path", storage.root.display().to_string()),
        ("bundle", "y".to_owned()),
        ("retention-full", "2".to_owned()),
        ("sftp-host", storage.host.clone()),
        ("sftp-host-user", storage.user.clone()),
        ("sftp-host-key-hash-type", "sha256".to_owned()),
        ("sftp-host-key-check-type", "strict".to_owned()),
        ("sftp-private-key-file", key_file.to_string()),
        ("sftp-public-key-file", format!("{key_file}.pub")),
    ];
    if storage.port != 22 {
        lines.insert(5, ("sftp-host-port", storage.port.to_string()));
    }
    if let Some(file) = &settings.own_known_hosts {
        lines.push(("sftp-known-host", file.display().to_string()));
    }
    let mut text = "[global]\n".to_owned();
    for (name, value) in lines {
        text.push_str(&format!("repo{}-{name}={value}\n", settings.key));
    }
    if storage.private_key_passphrase.is_some() {
        text.push_str(&format!(
            "# and repo{}-sftp-private-key-passphrase, in a file that only its user can read\n",
            settings.key
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgkeep_storage::sftp::SftpSettings;

    #[test]
    fn the_lines_name_port_and_known_hosts_only_where_needed_and_never_the_passphrase() {
        let mut settings = Settings {
            key: 2,
            storage: SftpSettings::new("backup.example.com", "pgbackup", "/upload"),
            private_key_file: "/home/pg/.ssh/id".into(),
            fingerprints: Vec::new(),
            chroot: "/srv/sftp/pgbackup".into(),
            group: "pgbackup".into(),
            from: Vec::new(),
            script: None,
            own_known_hosts: None,
        };
        let plain = configuration(&settings);
        assert!(plain.starts_with("[global]\nrepo2-type=sftp\nrepo2-path=/upload\n"));
        assert!(!plain.contains("port") && !plain.contains("known-host"));
        settings.storage.port = 2222;
        settings.storage.private_key_passphrase = Some("right horse".into());
        settings.own_known_hosts = Some("/k".into());
        let full = configuration(&settings);
        assert!(full.contains("\nrepo2-sftp-host-port=2222\n"));
        assert!(full.contains("\nrepo2-sftp-known-host=/k\n"));
        assert!(full.contains("passphrase") && !full.contains("horse"));
    }
}
