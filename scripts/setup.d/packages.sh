# Packages of the Debian release this machine runs. Sourced by scripts/setup.

# What the crates with C and assembler in them need (aws-lc, zstd, lz4): a compiler, nothing more.
build_packages() {
    command -v cargo >/dev/null || die "cargo is not here: install Rust (rustup, stable) first"
    command -v cc >/dev/null && [ -e /usr/include/stdio.h ] || apt_install gcc libc6-dev
    command -v make >/dev/null || apt_install make
}

# A PostgreSQL with its client programs. Any release already on the machine will do.
server_packages() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return 0
    # The package would create and start a cluster "main"; neither demo nor tests use one.
    local conf=/etc/postgresql-common/createcluster.conf
    if [ ! -e "$conf" ] && command -v apt-get >/dev/null; then
        as_root install -d -m 755 "$(dirname "$conf")"
        printf '%s\n' '# Written by pgkeep'\''s scripts/setup: no cluster "main" when the server package is installed.' \
            'create_main_cluster = false' | as_root tee "$conf" >/dev/null
    fi
    apt_install postgresql postgresql-client
}

# sshd, for the repository of the demonstration that is on an SFTP server.
ssh_server_packages() {
    [ -x /usr/sbin/sshd ] || apt_install openssh-server openssh-sftp-server openssh-client
}

# Networks and keys of the benches, the codecs' own programs, and what unpacks pgBackRest.
bench_packages() {
    local wanted=() program
    [ -x /usr/sbin/ip ] || [ -x /usr/bin/ip ] || wanted+=(iproute2)
    for program in zstd lz4 bzip2 patchelf openssl python3; do command -v "$program" >/dev/null || wanted+=("$program"); done
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted+=(debian-archive-keyring)
    [ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}"
}

# SFTP servers for the tests, strace for the order of flushes; the rest unpacks and relinks programs of other releases.
test_packages() {
    local wanted=()
    [ -x /usr/sbin/sshd ] || wanted+=(openssh-server)
    [ -x /usr/lib/openssh/sftp-server ] || wanted+=(openssh-sftp-server)
    command -v ssh-keygen >/dev/null || wanted+=(openssh-client)
    command -v rclone >/dev/null || wanted+=(rclone)
    [ -e /usr/lib/proftpd/mod_sftp.so ] || wanted+=(proftpd-core proftpd-mod-crypto)
    /usr/bin/python3 -c 'import asyncssh' 2>/dev/null || wanted+=(python3-asyncssh)
    command -v patchelf >/dev/null || wanted+=(patchelf)
    [ -x /usr/bin/openssl ] || wanted+=(openssl)
    command -v strace >/dev/null || wanted+=(strace)
    command -v man >/dev/null || wanted+=(man-db)
    # What is typed is completed in these.
    [ -e /usr/share/bash-completion/bash_completion ] || wanted+=(bash-completion)
    command -v zsh >/dev/null || wanted+=(zsh)
    command -v fish >/dev/null || wanted+=(fish)
    command -v systemd-analyze >/dev/null || wanted+=(systemd)
    command -v npm >/dev/null || wanted+=(npm)
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted+=(debian-archive-keyring)
    [ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}"
}
