//! Servers with one hole each, and the checks that must find it, and no others.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::{SftpServer, SftpServerBuilder};
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Result, Stage};

/// One hole.
pub struct Hole {
    pub name: &'static str,
    make: fn(SftpServerBuilder) -> SftpServerBuilder,
    /// What is done to the server's files before the audit.
    files: fn(&SftpServer) -> Result<()>,
    options: &'static [(&'static str, &'static str)],
    code: i32,
    found: &'static [&'static str],
    /// Whether the newest OpenSSH has it: no, yes.
    pub newest: &'static [bool],
}

const CLOSED: Hole = Hole {
    name: "",
    make: |server| server,
    files: |_| Ok(()),
    options: &[],
    code: 2,
    found: &[],
    newest: &[false, true],
};

pub static ALL: &[Hole] = &[
    Hole {
        name: "a_missing_force_command",
        make: |server| server.shell().account_line("ForceCommand none"),
        found: &["shell", "exec"],
        ..CLOSED
    },
    Hole {
        name: "a_missing_force_command_behind_a_missing_shell",
        make: |server| server.account_line("ForceCommand none"),
        code: 1,
        found: &["shell", "exec"],
        ..CLOSED
    },
    Hole {
        name: "another_subsystem",
        make: |server| {
            server
                .shell()
                .line("Subsystem netconf /bin/sh")
                .account_line("ForceCommand none")
        },
        found: &["shell", "exec", "subsystem"],
        ..CLOSED
    },
    Hole {
        name: "a_terminal",
        make: |server| server.account_line("PermitTTY yes"),
        found: &["pty"],
        ..CLOSED
    },
    Hole {
        name: "local_forwarding",
        make: |server| server.account_line("AllowTcpForwarding local"),
        found: &["forward-local", "forward-dynamic"],
        ..CLOSED
    },
    Hole {
        name: "forwarding_to_one_host_only",
        make: |server| {
            server
                .account_line("AllowTcpForwarding local")
                .account_line("PermitOpen 127.0.0.1:*")
        },
        found: &["forward-local"],
        ..CLOSED
    },
    Hole {
        name: "remote_forwarding",
        make: |server| server.account_line("AllowTcpForwarding remote"),
        found: &["forward-remote"],
        ..CLOSED
    },
    Hole {
        name: "socket_forwarding",
        // sshd refuses sockets as well where it refuses ports.
        make: |server| {
            server
                .account_line("AllowTcpForwarding yes")
                .account_line("AllowStreamLocalForwarding yes")
        },
        found: &[
            "forward-local",
            "forward-dynamic",
            "forward-remote",
            "forward-socket",
            "forward-socket-listen",
        ],
        ..CLOSED
    },
    Hole {
        name: "listening_on_sockets",
        make: |server| {
            server
                .account_line("AllowTcpForwarding remote")
                .account_line("AllowStreamLocalForwarding remote")
        },
        found: &["forward-remote", "forward-socket-listen"],
        ..CLOSED
    },
    Hole {
        name: "agent_forwarding",
        // sshd puts the socket into /tmp of the chroot.
        make: |server| server.account_line("AllowAgentForwarding yes"),
        files: |server| {
            let (owner, upload) = (
                std::fs::metadata(server.files())?,
                chroot(server)?.join("tmp"),
            );
            std::fs::create_dir(&upload)?;
            chown(upload, Some(owner.uid()), Some(owner.gid()))?;
            Ok(chown(server.files(), Some(0), Some(0))?)
        },
        options: &[("repo2-path", "/tmp")],
        found: &["agent"],
        newest: &[false],
        ..CLOSED
    },
    Hole {
        name: "agent_forwarding_with_a_socket_in_the_home_directory",
        make: |server| server.account_line("AllowAgentForwarding yes"),
        found: &["agent"],
        newest: &[true],
        ..CLOSED
    },
    Hole {
        name: "x11_forwarding",
        // sshd only looks whether the program is there, in the chroot.
        make: |server| {
            server
                .shell()
                .line("XAuthLocation /bin/sh")
                .account_line("X11Forwarding yes")
        },
        found: &["x11"],
        ..CLOSED
    },
    Hole {
        name: "a_missing_chroot",
        make: |server| server.account_line("ChrootDirectory none"),
        options: &[("repo2-path", "/run/sftp/backup")],
        // /tmp is open to everybody.
        found: &["chroot", "beside"],
        ..CLOSED
    },
    Hole {
        name: "a_writable_directory_beside",
        files: |server| {
            let beside = chroot(server)?.join("incoming");
            std::fs::create_dir(&beside)?;
            Ok(std::fs::set_permissions(
                beside,
                PermissionsExt::from_mode(0o777),
            )?)
        },
        found: &["beside"],
        ..CLOSED
    },
    Hole {
        name: "keys_that_the_account_can_change",
        make: |server| {
            server.account_line("AuthorizedKeysFile /run/sftp/backup/.ssh/authorized_keys")
        },
        files: |server| {
            let directory = server.files().join(".ssh");
            std::fs::create_dir(&directory)?;
            let file = directory.join("authorized_keys");
            std::fs::copy(server.public_key(), &file)?;
            let owner = std::fs::metadata(server.files())?;
            for path in [&directory, &file] {
                chown(path, Some(owner.uid()), Some(owner.gid()))?;
            }
            Ok(())
        },
        found: &["authorized-keys"],
        ..CLOSED
    },
    Hole {
        name: "keys_of_root_in_a_directory_that_can_be_renamed",
        make: |server| {
            server.account_line("AuthorizedKeysFile /run/sftp/backup/.ssh/authorized_keys")
        },
        files: |server| {
            let directory = server.files().join(".ssh");
            std::fs::create_dir(&directory)?;
            std::fs::copy(server.public_key(), directory.join("authorized_keys"))?;
            Ok(std::fs::set_permissions(
                directory,
                PermissionsExt::from_mode(0o755),
            )?)
        },
        found: &["authorized-keys"],
        ..CLOSED
    },
    Hole {
        name: "passwords",
        make: |server| server.account_line("PasswordAuthentication yes"),
        found: &["password"],
        ..CLOSED
    },
    Hole {
        name: "questions_and_answers",
        make: |server| server.account_line("KbdInteractiveAuthentication yes"),
        found: &["keyboard-interactive"],
        ..CLOSED
    },
    Hole {
        name: "weak_key_exchange",
        make: |server| server.line("KexAlgorithms +diffie-hellman-group14-sha1"),
        code: 1,
        found: &["key-exchange"],
        ..CLOSED
    },
    Hole {
        name: "weak_ciphers",
        make: |server| server.line("Ciphers +aes256-cbc"),
        code: 1,
        found: &["ciphers"],
        ..CLOSED
    },
    Hole {
        name: "weak_checksums",
        make: |server| server.line("MACs +hmac-md5"),
        code: 1,
        found: &["macs"],
        ..CLOSED
    },
    Hole {
        name: "a_short_host_key",
        make: |server| server.short_host_key(),
        code: 1,
        found: &["host-keys"],
        ..CLOSED
    },
    Hole {
        name: "old_signatures",
        make: |server| {
            server
                .host_key_type("rsa")
                .line("HostKeyAlgorithms +ssh-rsa")
        },
        code: 1,
        found: &["host-key-algorithms"],
        ..CLOSED
    },
    Hole {
        name: "data_of_others",
        files: |server| {
            let other = chroot(server)?.join("other");
            std::fs::create_dir(&other)?;
            Ok(chown(other, Some(64_218), Some(64_218))?)
        },
        found: &["others"],
        ..CLOSED
    },
    Hole {
        name: "names_of_others",
        files: |server| {
            let other = chroot(server)?.join("other");
            std::fs::create_dir(&other)?;
            std::fs::set_permissions(&other, PermissionsExt::from_mode(0o700))?;
            Ok(chown(other, Some(64_218), Some(64_218))?)
        },
        code: 1,
        found: &["others"],
        ..CLOSED
    },
    Hole {
        name: "a_repository_that_cannot_be_written",
        files: |server| Ok(chown(server.files(), Some(0), Some(0))?),
        found: &["upload"],
        ..CLOSED
    },
    Hole {
        name: "a_server_that_is_not_checked",
        options: &[("repo2-sftp-host-key-check-type", "none")],
        found: &["known-hosts"],
        ..CLOSED
    },
];

fn chroot(server: &SftpServer) -> Result<&Path> {
    Ok(server
        .files()
        .parent()
        .ok_or("the chroot holds the files")?)
}

impl Hole {
    pub fn check(&self, program: &Program, newest: bool) -> TestResult {
        let mut server = (self.make)(SftpServer::builder().chrooted());
        if newest {
            server = server.newest();
        }
        let server = server.start()?;
        (self.files)(&server)?;
        let stage = Stage::with(program, server, self.options)?;
        let before = stage.tree()?;
        stage.report(self.code)?.must_be(self.found)?;
        stage.must_hold(&before)
    }
}
