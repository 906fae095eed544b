//! The lines for the configuration file that use what was set up.

use super::keeper::Keeper;
use super::settings::Settings;

/// `[global]` and the options of the repository, in the form of a configuration file.
pub(super) fn configuration(settings: &Settings) -> String {
    let storage = &settings.storage;
    let key_file = settings.private_key_file.display();
    let mut lines = vec![
        ("type", "sftp".to_owned()),
        ("path", storage.root.display().to_string()),
        ("bundle", "y".to_owned()),
        ("sftp-host", storage.host.clone()),
        ("sftp-host-user", storage.user.clone()),
        ("sftp-host-key-hash-type", "sha256".to_owned()),
        ("sftp-host-key-check-type", "strict".to_owned()),
        ("sftp-private-key-file", key_file.to_string()),
        ("sftp-public-key-file", format!("{key_file}.pub")),
    ];
    if storage.port != 22 {
        lines.insert(4, ("sftp-host-port", storage.port.to_string()));
    }
    match settings.keeper {
        None => lines.insert(3, ("retention-full", "2".to_owned())),
        Some(_) => lines.push(("sftp-append-only", "y".to_owned())),
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

/// The same for the host that keeps the repository. `pins`: fingerprints of the server, so that it needs no known hosts file.
pub(super) fn of_keeper(settings: &Settings, keeper: &Keeper, pins: &[&str]) -> String {
    let storage = &settings.storage;
    let mut text = "[global]\nrepo1-type=sftp\n".to_owned();
    let mut add = |name: &str, value: &str| text.push_str(&format!("repo1-{name}={value}\n"));
    add("path", &storage.root.display().to_string());
    add("retention-full", "2");
    add("sftp-host", &storage.host);
    if storage.port != 22 {
        add("sftp-host-port", &storage.port.to_string());
    }
    add("sftp-host-user", &keeper.user);
    add("sftp-host-key-hash-type", "sha256");
    for pin in pins {
        add("sftp-host-pin", pin);
    }
    add("sftp-private-key-file", "~/.ssh/id_ed25519_sftp");
    text.push_str(&format!(
        "# and repo1-cipher-type and repo1-cipher-pass, if repo{}-cipher-type is set on this host\n",
        settings.key
    ));
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
            keeper: None,
            script: None,
            own_known_hosts: None,
        };
        let plain = configuration(&settings);
        assert!(plain.starts_with("[global]\nrepo2-type=sftp\nrepo2-path=/upload\n"));
        assert!(!plain.contains("port") && !plain.contains("known-host"));
        assert!(plain.contains("\nrepo2-retention-full=2\n") && !plain.contains("append-only"));
        settings.storage.port = 2222;
        settings.storage.private_key_passphrase = Some("right horse".into());
        settings.own_known_hosts = Some("/k".into());
        let full = configuration(&settings);
        assert!(full.contains("\nrepo2-sftp-host-port=2222\n"));
        assert!(full.contains("\nrepo2-sftp-known-host=/k\n"));
        assert!(full.contains("passphrase") && !full.contains("horse"));
        let keeper = Keeper {
            user: "pgkeeper".into(),
            from: Vec::new(),
            key: None,
        };
        let other = of_keeper(&settings, &keeper, &["SHA256:one", "SHA256:two"]);
        for line in [
            "repo1-retention-full=2",
            "repo1-sftp-host-port=2222",
            "repo1-sftp-host-user=pgkeeper",
            "repo1-sftp-host-pin=SHA256:one",
            "repo1-sftp-host-pin=SHA256:two",
        ] {
            assert!(other.contains(&format!("\n{line}\n")), "{line}: {other}");
        }
        assert!(!other.contains("append-only") && !other.contains("horse"));
        settings.keeper = Some(keeper);
        let adds = configuration(&settings);
        assert!(adds.contains("\nrepo2-sftp-append-only=y\n") && !adds.contains("retention"));
    }
}
