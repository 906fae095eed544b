//! The script for the SFTP host: the template beside this file with its values.
//!
//! Invariant: a value is a single-quoted shell word made of characters that were allowed one by one, so nothing that a
//! configuration says can become a command on another machine, or a line of `sshd_config` or `authorized_keys`.

use super::keeper::DENIED;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

const TEMPLATE: &str = include_str!("host_script.sh");

/// What the script is made of.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) settings: &'a Settings,
    /// `ssh-ed25519 AAAA…`
    pub(super) key: &'a str,
    pub(super) comment: &'a str,
}

impl Script<'_> {
    /// The whole text.
    ///
    /// # Errors
    /// [`ErrorCode::OptionInvalidValue`] for a name or a path that does not belong into a system's configuration.
    pub(super) fn render(&self) -> Result<String> {
        let settings = self.settings;
        let user = account_name("repo-sftp-host-user", &settings.storage.user)?;
        let group = account_name("sftp-group", &settings.group)?;
        let chroot = plain_path("sftp-chroot", &settings.chroot)?;
        let root = settings.storage.root.display().to_string();
        let upload_name = plain_path("repo-path", &root)?
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        if upload_name.is_empty() || chroot == "/" {
            return Err(refused(
                "repo-path",
                &root,
                "a directory below / is needed: the root of the chroot belongs to root",
            ));
        }
        let options = key_options("sftp-from", &settings.from)?;
        let keeper = settings.keeper.as_ref();
        let keeper_user = keeper
            .map(|keeper| account_name("sftp-keeper-user", &keeper.user))
            .transpose()?;
        let keeper_options = match keeper {
            None => String::new(),
            Some(keeper) => key_options("sftp-keeper-from", &keeper.from)?,
        };
        let keeper_key = keeper.and_then(|keeper| keeper.key.as_ref());
        let (accounts, command) = match keeper {
            None => (
                "one account that can do SFTP and nothing else",
                "internal-sftp".to_owned(),
            ),
            Some(_) => (
                "two accounts that can do SFTP and nothing else: one may only add files, the other keeps them",
                format!("internal-sftp -P {DENIED}"),
            ),
        };
        let upload = format!("{chroot}/{upload_name}");
        let mut text = format!("#!/bin/sh\n{TEMPLATE}");
        for (name, value) in [
            ("@USER@", quoted(user)),
            ("@GROUP@", quoted(group)),
            ("@CHROOT@", quoted(chroot)),
            ("@UPLOAD@", quoted(&upload)),
            ("@UPLOAD_NAME@", upload_name),
            ("@KEY_OPTIONS@", quoted(&options)),
            ("@KEY@", quoted(self.key)),
            ("@COMMENT@", quoted(&comment(self.comment))),
            ("@ACCOUNTS@", accounts.to_owned()),
            ("@COMMAND@", quoted(&command)),
            ("@KEEPER@", quoted(keeper_user.unwrap_or_default())),
            ("@KEEPER_KEY_OPTIONS@", quoted(&keeper_options)),
            (
                "@KEEPER_KEY@",
                quoted(keeper_key.map_or("", |key| key.public.as_str())),
            ),
            (
                "@KEEPER_COMMENT@",
                quoted(&keeper_key.map_or_else(String::new, |key| comment(&key.comment))),
            ),
        ] {
            text = text.replace(name, &value);
        }
        Ok(text)
    }
}

/// What a key may do, in the form of `authorized_keys`.
fn key_options(option: &str, from: &[String]) -> Result<String> {
    if from.is_empty() {
        return Ok("restrict".to_owned());
    }
    for pattern in from {
        address_pattern(option, pattern)?;
    }
    Ok(format!("restrict,from=\"{}\"", from.join(",")))
}

fn quoted(value: &str) -> String {
    format!("'{value}'")
}

/// The names that `useradd` takes everywhere.
fn account_name<'a>(option: &str, name: &'a str) -> Result<&'a str> {
    let mut letters = name.chars();
    let first = letters
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if first && rest && name.len() <= 31 {
        return Ok(name);
    }
    Err(refused(
        option,
        name,
        "small letters, digits, '_' and '-', at most 31, no digit first",
    ))
}

/// A path without anything that a shell or `sshd_config` reads in another way.
fn plain_path<'a>(option: &str, path: &'a str) -> Result<&'a str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let parts = path.split('/').skip(1);
    let odd = |part: &str| part.is_empty() || part.starts_with(['.', '-']);
    if path.starts_with('/') && path.chars().all(plain) && !parts.clone().any(odd) {
        return Ok(path);
    }
    Err(refused(
        option,
        path,
        "letters, digits, '.', '_' and '-', no part that begins with '.' or '-'",
    ))
}

/// What `from=` takes: addresses, networks, names, wildcards, `!`.
fn address_pattern(option: &str, pattern: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".:/*?!_-".contains(c);
    if !pattern.is_empty() && pattern.chars().all(plain) {
        return Ok(());
    }
    Err(refused(
        option,
        pattern,
        "an address, a network such as 10.0.0.0/24, or a name",
    ))
}

/// A comment is only for people: what could be misread is left out.
fn comment(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || "@._-".contains(*c))
        .collect()
}

fn refused(option: &str, value: &str, rule: &str) -> Error {
    Error::new(
        ErrorCode::OptionInvalidValue,
        format!("'{value}' is not usable on the SFTP host for '{option}' option"),
    )
    .with_hint(format!("allowed: {rule}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sftp_setup::keeper::Keeper;
    use pgkeep_storage::sftp::SftpSettings;
    use pgkeep_storage::sftp::setup::GivenKey;

    fn settings() -> Settings {
        Settings {
            key: 2,
            storage: SftpSettings::new("backup.example.com", "pgbackup", "/upload/db"),
            private_key_file: "/home/pg/.ssh/id".into(),
            fingerprints: Vec::new(),
            chroot: "/srv/sftp/pgbackup".into(),
            group: "pgbackup".into(),
            from: Vec::new(),
            keeper: None,
            script: None,
            own_known_hosts: None,
        }
    }

    fn keeper() -> Keeper {
        Keeper {
            user: "pgkeeper".into(),
            from: vec!["10.0.0.3".into()],
            key: Some(GivenKey {
                public: "ssh-ed25519 BBBB".into(),
                comment: "me@there $(touch x)'".into(),
                fingerprint: "SHA256:b".into(),
            }),
        }
    }

    fn render(settings: &Settings) -> Result<String> {
        Script {
            settings,
            key: "ssh-ed25519 AAAA",
            comment: "pg@db $(touch x)'",
        }
        .render()
    }

    fn line<'a>(text: &'a str, start: &str) -> &'a str {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap()
            .split(" #")
            .next()
            .unwrap()
            .trim_end()
    }

    #[test]
    fn every_value_stands_in_the_script_once_and_quoted() {
        let mut settings = settings();
        settings.from = vec!["10.0.0.1".into(), "10.1.0.0/16".into()];
        let text = render(&settings).unwrap();
        assert!(text.starts_with("#!/bin/sh\n"));
        assert_eq!(line(&text, "user="), "user='pgbackup'");
        assert_eq!(line(&text, "upload="), "upload='/srv/sftp/pgbackup/upload'");
        assert_eq!(line(&text, "key="), "key='ssh-ed25519 AAAA'");
        assert_eq!(line(&text, "comment="), "comment='pg@dbtouchx'");
        assert_eq!(
            line(&text, "key_options="),
            "key_options='restrict,from=\"10.0.0.1,10.1.0.0/16\"'"
        );
        assert!(!text.contains("@U") && !text.contains("@K") && !text.contains("@C"));
        assert_eq!(text.trim_end().lines().last(), Some("main \"$@\""));
    }

    #[test]
    fn the_account_is_closed_in_every_way_that_sshd_knows() {
        let text = render(&settings()).unwrap();
        for setting in [
            "ChrootDirectory $chroot",
            "ForceCommand $2",
            "AuthenticationMethods publickey",
            "AuthorizedKeysFile $keys/$1",
            "AuthorizedKeysCommand none",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "HostbasedAuthentication no",
            "DisableForwarding yes",
            "AllowTcpForwarding no",
            "AllowStreamLocalForwarding no",
            "AllowAgentForwarding no",
            "X11Forwarding no",
            "PermitTunnel no",
            "PermitTTY no",
            "PermitUserRC no",
        ] {
            assert!(text.contains(&format!("\n    {setting}\n")), "{setting}");
        }
    }

    #[test]
    fn one_account_has_no_request_that_changes_and_the_other_has_them_all() {
        let mut settings = settings();
        let plain = render(&settings).unwrap();
        assert_eq!(line(&plain, "command="), "command='internal-sftp'");
        assert_eq!(line(&plain, "keeper="), "keeper=''");
        settings.keeper = Some(keeper());
        let text = render(&settings).unwrap();
        for (start, expected) in [
            (
                "command=",
                "command='internal-sftp -P remove,rmdir,rename,posix-rename,setstat,fsetstat,lsetstat,symlink'",
            ),
            ("keeper=", "keeper='pgkeeper'"),
            (
                "keeper_key_options=",
                "keeper_key_options='restrict,from=\"10.0.0.3\"'",
            ),
            ("keeper_key=", "keeper_key='ssh-ed25519 BBBB'"),
            ("keeper_comment=", "keeper_comment='me@theretouchx'"),
            ("key=", "key='ssh-ed25519 AAAA'"),
        ] {
            assert_eq!(line(&text, start), expected);
        }
        assert!(text.contains("restrict \"$user\" \"$command\""));
        assert!(text.contains("restrict \"$keeper\" internal-sftp\n"));
        settings.keeper.as_mut().unwrap().key = None;
        let text = render(&settings).unwrap();
        assert_eq!(line(&text, "keeper_key="), "keeper_key=''");
    }

    #[test]
    fn the_account_cannot_log_in_before_the_restrictions_are_in_force() {
        let text = render(&settings()).unwrap();
        let story = &text[text.find("\nset_up() {").unwrap()..];
        let at = |step: &str| story.find(&format!("\n    {step}")).unwrap();
        let order = [
            at("make_account"),
            at("write_dropin"),
            at("\"$sshd\" -t"),
            at("prove"),
            at("reload\n"),
            at("close_files"),
            at("let_in"),
        ];
        assert!(order.is_sorted(), "{order:?}");
    }

    #[test]
    fn a_shell_reads_the_script_without_complaint() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        #[allow(clippy::disallowed_methods)] // a file for the shell
        std::fs::write(&file, render(&settings()).unwrap()).unwrap();
        let read = std::process::Command::new("sh")
            .arg("-n")
            .arg(&file)
            .output()
            .unwrap();
        assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    }

    #[test]
    fn hostile_names_and_paths_are_refused() {
        let refuse = |change: &dyn Fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            let error = render(&settings).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalidValue, "{settings:?}");
        };
        for name in [
            "",
            "a b",
            "a'b",
            "$(id)",
            "a\nMatch all",
            "-x",
            "1a",
            "A",
            "a;b",
            "ä",
            "*",
            "a,b",
            &"a".repeat(32),
        ] {
            refuse(&|settings| settings.storage.user = name.into());
            refuse(&|settings| settings.group = name.into());
            refuse(&|settings| {
                settings.keeper = Some(Keeper {
                    user: name.into(),
                    ..keeper()
                });
            });
        }
        for path in [
            "/", "/a b", "/a'b", "/a/../b", "/a/$(id)", "/a\n/b", "/%u", "/a//b", "/-a", "/.ssh",
            "/a;b", "/*",
        ] {
            refuse(&|settings| settings.chroot = path.into());
            refuse(&|settings| settings.storage.root = path.into());
        }
        for from in ["", "a b", "a\"b", "a,b", "a\nb", "$x"] {
            refuse(&|settings| settings.from = vec![from.into()]);
            refuse(&|settings| {
                settings.keeper = Some(Keeper {
                    from: vec![from.into()],
                    ..keeper()
                });
            });
        }
    }
}
