//! What two sides have in common: the highest protocol version that both know, and the capabilities that both name.

use super::hello::{Hello, Versions};
use crate::error::{Error, ErrorKind, Result};
use crate::printable::printable;

/// The other side, and what was agreed with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name and version, for messages.
    pub program: String,
    /// The protocol version that both use.
    pub version: u32,
    /// What both sides can do.
    pub capabilities: Vec<String>,
}

impl Peer {
    /// Whether both sides can do this.
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|name| name == capability)
    }
}

pub(crate) fn agree(own: &Hello, other: &Hello) -> Result<Peer> {
    let program = printable(other.program.as_bytes());
    let version = own.protocol.highest.min(other.protocol.highest);
    if version < own.protocol.lowest.max(other.protocol.lowest) {
        let span = |versions: Versions| {
            if versions.lowest == versions.highest {
                format!("version {}", versions.lowest)
            } else {
                format!("versions {} to {}", versions.lowest, versions.highest)
            }
        };
        let (ours, theirs) = (span(own.protocol), span(other.protocol));
        let older = if own.protocol.highest < other.protocol.highest {
            "this host"
        } else {
            "the other host"
        };
        let own_program = &own.program;
        return Err(Error::new(
            ErrorKind::Version,
            format!(
                "{own_program} on this host knows protocol {ours} and {program} on the other host knows {theirs}"
            ),
        )
        .with_hint(format!("install a newer release on {older}.")));
    }
    if let Err(why) = other.limits.check() {
        return Err(Error::violation(why));
    }
    let capabilities = own.capabilities.iter();
    Ok(Peer {
        program,
        version,
        capabilities: capabilities
            .filter(|name| other.capabilities.contains(name))
            .cloned()
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn hello(program: &str, lowest: u32, highest: u32, capabilities: &[&str]) -> Hello {
        let mut hello = Hello::new(&Settings::new(program), None);
        hello.protocol = Versions { lowest, highest };
        hello.capabilities = capabilities.iter().map(|name| (*name).to_owned()).collect();
        hello
    }

    #[test]
    fn releases_one_apart_use_the_highest_version_and_what_both_can() {
        let old = hello("pgkeep 1.0", 1, 2, &["lz4", "old"]);
        let new = hello("pgkeep 1.1", 2, 3, &["lz4", "new"]);
        for (own, other) in [(&old, &new), (&new, &old)] {
            let peer = agree(own, other).expect("version 2");
            assert_eq!((peer.version, &*peer.program), (2, &*other.program));
            assert!(peer.can("lz4") && !peer.can("old") && !peer.can("new"));
        }
    }

    #[test]
    fn without_a_common_version_the_error_names_both_and_the_older() {
        let old = hello("pgkeep 1.0", 1, 2, &[]);
        let new = hello("pgkeep 2.0", 3, 3, &[]);
        let error = agree(&old, &new).expect_err("none in common");
        assert_eq!(error.kind(), ErrorKind::Version);
        assert_eq!(
            error.to_string(),
            "pgkeep 1.0 on this host knows protocol versions 1 to 2 and pgkeep 2.0 on the other host knows version 3"
        );
        assert_eq!(error.hints(), ["install a newer release on this host."]);
        let error = agree(&new, &old).expect_err("none in common");
        assert_eq!(
            error.hints(),
            ["install a newer release on the other host."]
        );
    }

    #[test]
    fn a_hello_of_a_later_release_is_understood() {
        let text = r#"{"protocol":{"lowest":1,"highest":9,"best":8},"region":"x"}"#;
        let other: Hello = serde_json::from_str(text).expect("understood");
        let peer = agree(&hello("pgkeep 1.0", 1, 1, &["a"]), &other).expect("version 1");
        assert_eq!((peer.version, peer.capabilities.len()), (1, 0));
    }

    #[test]
    fn limits_within_which_nothing_can_be_said_are_refused() {
        for (frame, window, sessions) in [(0, 100_000, 1), (1024, 2000, 1), (1024, 100_000, 0)] {
            let mut other = hello("x", 1, 1, &[]);
            other.limits.frame = frame;
            other.limits.window = window;
            other.limits.sessions = sessions;
            let error = agree(&hello("y", 1, 1, &[]), &other).expect_err("too small");
            assert_eq!(error.kind(), ErrorKind::Violation);
        }
    }
}
