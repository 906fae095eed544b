# An apt for another Debian release than this machine's: it sees only that one and believes that nothing is installed.
# Sourced by scripts/setup.

# The mirror this machine's apt uses for its own release.
debian_mirror() {
    local codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(RELEASE) $(SITE)' 2>/dev/null | awk -v r="$codename" '$1 == r { print $2; exit }'
}

# other_release RELEASE DIR: empties DIR and leaves its options in the array `apt`; packages go to DIR/archives, what is
# unpacked of them to DIR/root. Prints why it cannot.
other_release() {
    local release=$1 dir=$2 mirror
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { apt_update; mirror=$(debian_mirror); }
    [ -n "$mirror" ] || { echo "apt names no Debian mirror"; return 1; }
    rm -rf "$dir"
    mkdir -p "$dir"/{etc,lists/partial,archives/partial,state,root}
    : >"$dir/state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$dir/etc/sources.list"
    # A frozen mirror's index of sid may be past its date.
    apt=(-qq -o Dir::Etc::sourcelist="$dir/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o Dir::State="$dir/state" -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/state/status"
        -o Dir::Cache="$dir" -o APT::Sandbox::User= -o APT::Install-Recommends=false
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Acquire::Retries=3
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
    retry 3 apt-get "${apt[@]}" update || { echo "apt cannot read Debian $release"; return 1; }
}
