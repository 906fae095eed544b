# Shared by the scripts beside it; source it, do not run it.
# Holds: messages, the cache directory, and installing Debian packages without starting services.

set -euo pipefail
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything the tests bring for themselves. The unprivileged account that runs the servers must be able to
# read it, so it is not in the build directory (which may lie under a closed home directory).
cache=${PGKEEP_TEST_CACHE:-/var/cache/pgkeep-test}
export PGKEEP_TEST_CACHE=$cache

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: error: %s\n' "$*" >&2
    exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "this needs root and there is no sudo: $*"
    fi
}

# The account that runs servers: this user, or "postgres" when this is root.
server_account() {
    if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# retry COUNT COMMAND...: for downloads; says nothing unless the last try fails.
retry() {
    local count=$1 try
    shift
    for try in $(seq "$count"); do
        "$@" && return 0
        [ "$try" = "$count" ] || sleep $((try * 2))
    done
    return 1
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

# The package lists are fetched at most once in a run.
apt_updated=no
apt_update() {
    [ "$apt_updated" = no ] || return 0
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update || say "apt-get update failed, going on with the lists there are"
    apt_updated=yes
}

# apt_install PACKAGE...: installs what is missing. Waits for other users of the dpkg lock. No service is
# started: servers are started by the demo and the tests themselves, each with its own files.
apt_install() {
    local missing=() package log
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "please install: ${missing[*]} (Debian's names), then run this again"
    say "installing ${missing[*]}"
    log=$(mktemp)
    if ! retry 3 apt_install_once "${missing[@]}" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        die "apt-get could not install ${missing[*]}"
    fi
    rm -f "$log"
}

apt_install_once() {
    local policy=/usr/sbin/policy-rc.d ours=no rc=0
    apt_update
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        ours=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -qq -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confold install --no-install-recommends "$@" || rc=$?
    [ "$ours" = no ] || as_root rm -f "$policy"
    return "$rc"
}

# Makes the cache directory, owned by this user, with a folder that the server account may write.
make_cache() {
    [ -d "$cache" ] && [ -w "$cache" ] || as_root install -d -m 755 -o "$(id -un)" "$cache"
    mkdir -p "$cache/ignored"
    if [ ! -d "$cache/templates" ]; then
        install -d -m 755 "$cache/templates"
        [ "$(id -u)" != 0 ] || chown "$(server_account)" "$cache/templates"
    fi
    case $cache in *' '*) die "PGKEEP_TEST_CACHE must not contain blanks: $cache" ;; esac
}

# A part that may be absent leaves its reason where the test kit finds it and prints it.
note_ignored() {
    say "ignored: $1: $2"
    printf '%s\n' "$2" >"$cache/ignored/$1"
}
clear_ignored() { rm -f "$cache/ignored/$1"; }
