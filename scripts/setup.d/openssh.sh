# A newer OpenSSH server than this release's, unpacked beside the system and relinked to its own loader and libraries.
# Nothing is installed. Sourced by scripts/setup.
#
#   $cache/openssh/sbin/sshd            the server
#   $cache/openssh/lib/                 its helper programs (sshd_config names them: SshdSessionPath, SshdAuthPath)
#   $cache/openssh/version              `10.0`, as the server says it

# Bumped when what is made from the packages changes.
openssh_recipe=1

# The newest that can be unpacked; without one the tests say so.
newer_openssh() {
    local release why rc=1
    [ "$(cat "$cache/openssh/.complete" 2>/dev/null)" = "$openssh_recipe" ] && return 0
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
        note_ignored openssh "a newer OpenSSH is unpacked on amd64 Debian only"
        return 0
    }
    for release in sid trixie; do
        set +e
        why=$(unpack_openssh "$release" 2>&1)
        rc=$?
        set -e
        [ "$rc" != 0 ] || break
    done
    if [ "$rc" = 0 ]; then
        printf '%s\n' "$why"
        clear_ignored openssh
        echo "$openssh_recipe" >"$cache/openssh/.complete"
    else
        note_ignored openssh "$(tail -n 1 <<<"$why")"
    fi
}

unpack_openssh() {
    set -e
    local release=$1 home=$cache/openssh work package apt names libraries loader file version
    work=$cache/.openssh.new
    other_release "$release" "$work" || return 1
    names=$(apt-get "${apt[@]}" -s install openssh-server | awk '$1 == "Inst" { print $2 }' |
        grep -E '^(openssh-server|zlib1g|lib.*)$' | grep -v -E '^(libperl|libpam-|libsystemd-shared|.*-perl$)') ||
        { echo "Debian $release has no installable openssh-server"; return 1; }
    # shellcheck disable=SC2086
    (cd "$work/archives" && retry 3 apt-get "${apt[@]}" download $names) || { echo "OpenSSH of Debian $release could not be fetched"; return 1; }
    for package in "$work"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar x -C "$work/root" --no-same-owner --keep-directory-symlink \
            --exclude='./usr/share' --exclude='./etc'
    done
    chmod -R u+w,go+rX "$work/root"
    libraries=$home/root/usr/lib/x86_64-linux-gnu:$home/root/lib/x86_64-linux-gnu
    loader=$(cd "$work/root" && find . -name ld-linux-x86-64.so.2 -print -quit)
    [ -n "$loader" ] || { echo "no loader among the packages"; return 1; }
    for file in "$work"/root/usr/sbin/sshd "$work"/root/usr/lib/openssh/sshd-*; do
        [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
        patchelf --set-interpreter "$home/root/${loader#./}" --force-rpath --set-rpath "$libraries" "$file"
    done
    rm -rf "$work"/{etc,lists,archives,state} "$work"/*.bin "$home"
    mv "$work" "$home"
    ln -s root/usr/sbin "$home/sbin"
    ln -s root/usr/lib/openssh "$home/lib"
    version=$("$home/sbin/sshd" -V 2>&1 | sed -n 's/^OpenSSH_\([0-9.]*\).*/\1/p')
    [ -n "$version" ] || { echo "sshd of Debian $release does not run"; return 1; }
    echo "$version" >"$home/version"
    say "Debian $release: OpenSSH $version"
}
