//! The password file of libpq, `.pgpass`: which line fits a connection.
//!
//! A file that others may read is not used, as libpq does not use it. Lines are `host:port:database:user:password`;
//! each of the first four may be `*`, and a backslash takes the meaning from the character after it.

// The place the architecture names for reading a file outside storage
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;

/// What is looked for in a password file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Looks for a password in a file; a file that is missing or cannot be read has none.
pub(super) fn from_file(path: &Path, wanted: Wanted<'_>) -> Option<SecretString> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() {
        log::warn!("password file \"{}\" is not a plain file", path.display());
        return None;
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        log::warn!(
            "password file \"{}\" has group or world access; permissions should be u=rw (0600) or less",
            path.display()
        );
        return None;
    }
    let text = fs::read(path).ok()?;
    find(&String::from_utf8_lossy(&text), wanted)
}

fn find(text: &str, wanted: Wanted<'_>) -> Option<SecretString> {
    let port = wanted.port.to_string();
    let fields = [wanted.host, &port, wanted.database, wanted.user];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let password = fields
                .iter()
                .try_fold(line, |rest, field| after_field(rest, field))?;
            Some(SecretString::from(unescape(password)))
        })
}

/// The rest of the line after its first field, if that field fits.
fn after_field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut wanted = wanted.chars();
    let mut line = line.chars();
    loop {
        match line.next()? {
            ':' => return wanted.next().is_none().then_some(line.as_str()),
            '\\' => {
                let escaped = line.next()?;
                if wanted.next() != Some(escaped) {
                    return None;
                }
            }
            plain if wanted.next() != Some(plain) => return None,
            _ => {}
        }
    }
}

/// The password: everything up to the end of the line or a colon, without the escaping backslashes.
fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut chars = field.trim_end_matches('\r').chars();
    while let Some(char) = chars.next() {
        match char {
            ':' => break,
            '\\' => text.extend(chars.next()),
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const WANTED: Wanted<'_> = Wanted {
        host: "localhost",
        port: 5432,
        database: "postgres",
        user: "backup",
    };

    fn found(text: &str) -> Option<String> {
        find(text, WANTED).map(|password| password.expose_secret().to_owned())
    }

    #[test]
    fn first_fitting_line_wins() {
        let text = "# localhost:5432:postgres:backup:comment\n\
                    localhost:5433:postgres:backup:port\n\
                    localhost:5432:postgres:backup2:user\n\
                    *:*:*:backup:any\n\
                    localhost:5432:postgres:backup:exact\n";
        assert_eq!(found(text).as_deref(), Some("any"));
        assert_eq!(found("localhost:5432:postgres:other:x\n"), None);
        assert_eq!(found(""), None);
        assert_eq!(found("localhost:5432:postgres:backup"), None);
    }

    #[test]
    fn escapes_and_line_ends_are_taken_off() {
        assert_eq!(
            found("localhost:5432:post\\gres:backup:a\\:b\\\\c\r\n").as_deref(),
            Some("a:b\\c")
        );
        assert_eq!(
            found("localhost:5432:postgres:backup:plain:rest\n").as_deref(),
            Some("plain")
        );
        assert_eq!(found("localhost:5432:postgres*:backup:x\n"), None);
    }

    #[test]
    fn file_that_others_may_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        fs::write(&path, "*:*:*:*:secret\n").unwrap();
        for (mode, used) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(from_file(&path, WANTED).is_some(), used, "{mode:o}");
        }
        assert!(from_file(directory.path(), WANTED).is_none());
        assert!(from_file(&directory.path().join("missing"), WANTED).is_none());
    }
}
