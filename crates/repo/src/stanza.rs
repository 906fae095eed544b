//! The name of a stanza: one database cluster's place in every repository.
//!
//! Which names the options allow is the configuration's business; here only what would leave the stanza's directory
//! is refused.

use std::fmt;

use crate::error::{Error, Result};

/// Name of a stanza; never empty, holds no slash, is not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stanza(String);

impl Stanza {
    /// Takes a stanza name.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(Error::format(format!(
                "'{name}' is not a valid stanza name"
            )));
        }
        Ok(Self(name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_name_cannot_leave_its_directory() {
        for bad in ["", ".", "..", "a/b", "/"] {
            assert!(Stanza::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Stanza::new("demo-1.x").unwrap().as_str(), "demo-1.x");
    }
}
