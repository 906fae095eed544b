//! What a client of another host may ask for: rights within stanzas, and who has which.
//!
//! The lists are the server's, from `tls-server-auth`, `tls-server-rights` or `remote-rights`. A right says what may be done, never
//! where: paths come from the server's configuration. What each request needs is said where it is served.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode, Result};

/// A right that a client was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Archives WAL.
    Push,
    /// Reads what is there.
    Get,
    /// Both, and makes backups.
    Backup,
    /// Everything, as with pgBackRest.
    Admin,
}

impl Right {
    const ALL: [(&'static str, Self); 4] = [
        ("push", Self::Push),
        ("get", Self::Get),
        ("backup", Self::Backup),
        ("admin", Self::Admin),
    ];

    fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, right)| *right)
    }

    /// Whether whoever has this right has the other one by it.
    fn includes(self, other: Self) -> bool {
        match self {
            Self::Push | Self::Get => self == other,
            Self::Backup => other != Self::Admin,
            Self::Admin => true,
        }
    }
}

/// What a client may do with the stanza of its greeting; without a stanza, with all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    stanza: Option<String>,
    rights: BTreeSet<Right>,
    /// Everything is allowed, in all stanzas.
    unlimited: bool,
    /// Who has them, for the log.
    who: Option<String>,
}

impl Rights {
    /// The same, with the name under which refusals of single requests are logged.
    #[must_use]
    pub fn of(self, who: &str) -> Self {
        Self {
            who: Some(who.to_owned()),
            ..self
        }
    }

    /// Logs that a request was refused: the client is told no more than its right, and the keeper of the server is told who.
    pub fn tell_refused(&self, error: &Error) {
        if let Some(who) = &self.who
            && error.code == ErrorCode::Access
        {
            log::warn!("{who} refused: {}", error.hints.join(" "));
        }
    }

    /// Everything: whoever could log in with SSH has the rights of that account.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            stanza: None,
            rights: BTreeSet::from([Right::Admin]),
            unlimited: true,
            who: None,
        }
    }

    /// The stanza they are for.
    #[must_use]
    pub fn stanza(&self) -> Option<&str> {
        self.stanza.as_deref()
    }

    /// Whether everything is allowed, in all stanzas.
    #[must_use]
    pub fn are_unlimited(&self) -> bool {
        self.unlimited
    }

    /// Whether this right is among them.
    #[must_use]
    pub fn has(&self, right: Right) -> bool {
        self.rights.iter().any(|own| own.includes(right))
    }

    /// Fails without this right; the text says which one is missing and for what.
    ///
    /// # Errors
    /// [`ErrorCode::Access`].
    pub fn require(&self, right: Right, what: &str) -> Result<()> {
        if self.has(right) {
            return Ok(());
        }
        let (name, _) = Right::ALL[right as usize];
        Err(denied().with_hint(format!(
            "{what} needs the right '{name}' on the other host."
        )))
    }
}

impl Rights {
    /// Fails unless whoever has these rights may hold this lock: it keeps others out. Which stanza it is of, whoever takes it
    /// looks at.
    ///
    /// # Errors
    /// [`ErrorCode::Access`].
    pub fn require_lock(&self, name: &str) -> Result<()> {
        let of = |kind: &str| name.contains(&format!("-{kind}-"));
        let right = match (of("archive"), of("backup"), of("restore")) {
            (true, false, false) => Right::Push,
            (false, true, false) => Right::Backup,
            _ => Right::Admin,
        };
        self.require(right, "a lock of that kind")
    }
}

/// The error of every refusal. It says nothing of what there is: the server's log does.
#[must_use]
pub fn denied() -> Error {
    Error::new(ErrorCode::Access, "access denied")
}

/// Rights for stanzas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<(Stanzas, Right)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stanzas {
    All,
    One(String),
}

impl Stanzas {
    fn of(name: &str) -> Self {
        match name {
            "*" => Self::All,
            name => Self::One(name.to_owned()),
        }
    }

    fn has(&self, stanza: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => stanza == Some(name),
        }
    }
}

impl Grants {
    /// Everything with these stanzas, as `tls-server-auth` has them: `*`, or names separated by commas.
    #[must_use]
    pub fn admin_of(list: &str) -> Self {
        let names = list.split(',').map(str::trim);
        // As pgBackRest: a star means all only where it stands alone.
        let grant = |name: &str| match list.trim() == "*" {
            true => (Stanzas::All, Right::Admin),
            false => (Stanzas::One(name.to_owned()), Right::Admin),
        };
        Self(names.filter(|name| !name.is_empty()).map(grant).collect())
    }

    /// `stanza:right`, separated by commas, as `tls-server-rights` has them.
    ///
    /// # Errors
    /// [`ErrorCode::OptionInvalidValue`].
    pub fn read(option: &str, list: &str) -> Result<Self> {
        let mut grants = Vec::new();
        for word in list.split(',').map(str::trim) {
            let read = word.rsplit_once(':').and_then(|(stanza, right)| {
                let right = Right::from_name(right.trim())?;
                let stanza = stanza.trim();
                (!stanza.is_empty()).then(|| (Stanzas::of(stanza), right))
            });
            grants.push(read.ok_or_else(|| {
                Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("'{list}' is not valid for '{option}' option: '{word}'"),
                )
                .with_hint("a stanza, a colon and a right: push, get, backup or admin.")
            })?);
        }
        Ok(Self(grants))
    }

    /// What they allow with this stanza; nothing if that is nothing.
    #[must_use]
    pub fn rights(&self, stanza: Option<&str>) -> Option<Rights> {
        let rights: BTreeSet<Right> = self
            .0
            .iter()
            .filter(|(stanzas, _)| stanzas.has(stanza))
            .map(|(_, right)| *right)
            .collect();
        (!rights.is_empty()).then(|| Rights {
            stanza: stanza.map(str::to_owned),
            unlimited: self.0.contains(&(Stanzas::All, Right::Admin)),
            rights,
            who: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_stanzas_is_pgbackrests() {
        for (list, stanza, allowed) in [
            ("demo", Some("demo"), true),
            ("demo", Some("demo2"), false),
            ("demo", None, false),
            (" demo , other ", Some("other"), true),
            ("*", Some("any"), true),
            (" * ", None, true),
            // Not alone, it is the name of a stanza.
            ("*,demo", Some("any"), false),
            (" , ", Some("demo"), false),
            ("", Some(""), false),
            ("demo", Some("demo:push"), false),
        ] {
            let rights = Grants::admin_of(list).rights(stanza);
            assert_eq!(rights.is_some(), allowed, "{list} {stanza:?}");
            if let Some(rights) = rights {
                assert!(rights.has(Right::Admin));
            }
        }
    }

    #[test]
    fn rights_are_of_their_stanza_and_include_lower_ones() {
        let grants = Grants::read("x", "demo:push, demo:get, *:get, other : backup").unwrap();
        let has = |stanza: Option<&str>| {
            let rights = grants.rights(stanza).unwrap();
            Right::ALL.map(|(_, right)| rights.has(right))
        };
        assert_eq!(has(Some("demo")), [true, true, false, false]);
        assert_eq!(has(Some("other")), [true, true, true, false]);
        assert_eq!(has(Some("any")), [false, true, false, false]);
        assert_eq!(has(None), [false, true, false, false]);
        let grants = Grants::read("x", "demo:push").unwrap();
        assert_eq!(grants.rights(Some("other")), None);
        assert_eq!(grants.rights(None), None);
    }

    #[test]
    fn a_list_that_is_none_is_told() {
        for list in ["", "demo", "demo:", ":push", "demo:write", "demo:push,"] {
            let error = Grants::read("tls-server-rights", list).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalidValue, "{list}");
            assert!(error.message.contains("tls-server-rights"), "{error}");
        }
    }

    #[test]
    fn a_lock_needs_the_right_for_what_it_keeps_out() {
        let rights = |list: &str| {
            Grants::read("x", list)
                .unwrap()
                .rights(Some("demo"))
                .unwrap()
        };
        for (name, least) in [
            ("demo-archive-1.lock", "push"),
            ("demo-backup-1.lock", "backup"),
            ("demo-restore-1.lock", "admin"),
            // A stanza whose name could be taken for a kind.
            ("demo-archive-x-backup-1.lock", "admin"),
        ] {
            let may = Right::ALL.map(|(right, _)| {
                let list = format!("demo:{right}");
                rights(list.as_str()).require_lock(name).is_ok()
            });
            let expected = match least {
                "push" => [true, false, true, true],
                "backup" => [false, false, true, true],
                _ => [false, false, false, true],
            };
            assert_eq!(may, expected, "{name}");
        }
    }

    #[test]
    fn a_right_that_is_missing_is_named() {
        let rights = Grants::read("x", "demo:push").unwrap().rights(Some("demo"));
        let rights = rights.unwrap();
        rights.require(Right::Push, "archive-push").unwrap();
        let error = rights.require(Right::Admin, "expire").unwrap_err();
        assert_eq!(
            error.text(),
            "access denied\nHINT: expire needs the right 'admin' on the other host."
        );
    }
}
