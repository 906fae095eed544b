//! A real OpenSSH server on a loopback port that offers `internal-sftp`, with keys and files of its own.
//!
//! Plain: it runs as the server account, which is also the login; with a shell and an /etc of its own where that can be had.
//! Chrooted (root only): the usual SFTP-only system user in
//! a chroot, who exists only in the server's own mount namespace. That has an /etc of its own, so the machine's user database
//! is neither touched nor asked. Traps that this knows: sshd refuses a chroot below a world-writable directory (so it is bound
//! to another place), takes an account with the password `!` for locked, and wants /run/sshd.

mod builder;
mod keys;
mod launch;
mod layout;
mod server;

pub use builder::SftpServerBuilder;
pub use server::SftpServer;
