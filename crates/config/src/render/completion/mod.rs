//! Completion scripts for shells. They know nothing themselves: they ask the program with `help --as=candidates`, so that what
//! they offer is what it takes, and only names of stanzas and backups that there are.
//!
//! One script serves both names: as `pgbackrest` only where that is a link to this program. Invariant: no output of the
//! program is ever run by a shell.

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// The script for `shell`.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("pgkeep.bash"),
        Shell::Zsh => include_str!("pgkeep.zsh"),
        Shell::Fish => include_str!("pgkeep.fish"),
    }
}
