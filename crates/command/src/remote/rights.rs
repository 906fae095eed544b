//! What a client of another host may ask for.

/// A right that a client was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Everything, as with pgBackRest.
    Admin,
}

/// What a client may do with the stanza of its greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// Everything: whoever could log in with SSH has the rights of that account.
    #[must_use]
    pub fn admin() -> Self {
        Self(vec![Right::Admin])
    }
}
