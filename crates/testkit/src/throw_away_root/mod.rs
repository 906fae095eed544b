//! A machine to be set up and thrown away: its own /etc, /var, /srv, accounts and processes, with this machine's programs.
//!
//! Programs and libraries are this system's, bound read-only; everything that can be changed lies in a scratch directory and
//! goes with it. Mount and process namespaces keep accounts, signals and mounts inside. The network is this machine's, so a
//! server in there is reached at a loopback port; or one of its own, which several such machines share. Needs root.

mod builder;
mod files;
mod machine;
mod namespace;
mod sshd;

pub use builder::ThrowAwayRootBuilder;
pub use machine::ThrowAwayRoot;
