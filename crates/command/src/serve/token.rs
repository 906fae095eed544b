//! The token that requests must have: where it comes from, and how one that was sent is compared.
//!
//! Only its SHA-256 is kept. So neither a log nor a dump of the memory later has it, and a comparison takes the same time whatever
//! was sent, its length included.

use std::fmt;
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::remote::tls;
use crate::run::context::User;

/// What can be guessed is no token.
const SHORTEST: usize = 16;
const LONGEST: usize = 1024;

/// A token, as its SHA-256.
#[derive(Clone)]
pub(super) struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads the file, which nobody else may read.
    pub(super) fn load(path: &Path, user: &User) -> Result<Self> {
        tls::check_access("token", path, user)?;
        let shown = path.display();
        let read = tls::read(path).map_err(|why| {
            Error::new(
                ErrorCode::FileOpen,
                format!("unable to load token file '{shown}': {why}"),
            )
        })?;
        Self::from_line(Zeroizing::new(read)).ok_or_else(|| {
            Error::new(
                ErrorCode::FileRead,
                format!("token file '{shown}' does not hold a token"),
            )
            .with_hint(format!(
                "it must be one line of {SHORTEST} to {LONGEST} visible characters, as 'openssl rand -hex 32' makes."
            ))
        })
    }

    fn from_line(line: Zeroizing<Vec<u8>>) -> Option<Self> {
        let token = line.strip_suffix(b"\n").unwrap_or(&line);
        let token = token.strip_suffix(b"\r").unwrap_or(token);
        let is_one =
            (SHORTEST..=LONGEST).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic);
        is_one.then(|| Self(hash(token)))
    }

    /// Whether this is the token.
    pub(super) fn is(&self, sent: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, &hash(sent)).is_ok()
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
pub(super) fn of(text: &str) -> Token {
    Token::from_line(Zeroizing::new(text.into())).expect("the test has a token")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // files of tokens
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::run::test_context;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_the_token_itself_is_taken_and_nothing_shows_it() {
        let token = of(&format!("{TOKEN}\n"));
        assert!(token.is(TOKEN.as_bytes()));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdef\n",
            "0123456789ABCDEF",
        ] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token");
        for none in [
            "",
            "\n",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdef\n\n",
        ] {
            assert!(
                Token::from_line(Zeroizing::new(none.into())).is_none(),
                "{none:?}"
            );
        }
    }

    #[test]
    fn a_file_that_others_read_or_that_holds_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let user = test_context::new(pgkeep_config::Program::PgKeep, "serve", &[""; 0]).user;
        let user = User {
            uid: rustix::process::geteuid().as_raw(),
            ..user
        };
        let load = |text: &str, mode: u32| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            Token::load(&file, &user).map_err(|error| error.text())
        };
        assert!(load(TOKEN, 0o600).unwrap().is(TOKEN.as_bytes()));
        let open = load(TOKEN, 0o644).unwrap_err();
        assert!(
            open.contains("token file") && open.contains("0600"),
            "{open}"
        );
        let short = load("secret", 0o600).unwrap_err();
        assert!(
            short.contains("openssl rand") && !short.contains("secret"),
            "{short}"
        );
        std::fs::remove_file(&file).unwrap();
        let missing = Token::load(&file, &user).unwrap_err();
        assert_eq!(missing.code, ErrorCode::FileOpen);
    }
}
