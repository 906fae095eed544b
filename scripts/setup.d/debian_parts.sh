# pgBackRest and PostgreSQL's client tools from other Debian releases, unpacked beside the system and
# relinked to their release's own loader and libraries. Nothing is installed. Sourced by scripts/setup.
#
#   $cache/debian/RELEASE/root          the unpacked packages
#   $cache/original/X.YY/pgbackrest     link to pgBackRest of that version (read from the program)
#   $cache/tools/MAJOR                  link to the bin directory with psql, pg_dump, pg_checksums, pg_amcheck, …

# Bumped when what is made from the packages changes.
debian_recipe=1

# debian_parts RELEASE: trixie and bookworm must succeed; sid is a moving target and may be absent.
debian_parts() {
    local release=$1 why rc
    [ "$(cat "$cache/debian/$release/.complete" 2>/dev/null)" = "$debian_recipe" ] && return 0
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
        note_ignored "pgbackrest-$release" "pgBackRest is unpacked on amd64 Debian only"
        return 0
    }
    # (Not in the condition itself: bash would then ignore set -e in the function.)
    set +e
    why=$(unpack_release "$release" 2>&1)
    rc=$?
    set -e
    if [ "$rc" = 0 ]; then
        printf '%s\n' "$why"
        clear_ignored "pgbackrest-$release"
        echo "$debian_recipe" >"$cache/debian/$release/.complete"
    elif [ "$release" = sid ]; then
        note_ignored "pgbackrest-$release" "$(tail -n 1 <<<"$why")"
    else
        printf '%s\n' "$why" >&2
        die "Debian $release: pgBackRest could not be unpacked"
    fi
}

unpack_release() {
    set -e
    local release=$1 home=$cache/debian/$1 package apt wanted=(pgbackrest) names major bin version
    case $release in
        bookworm) wanted+=(postgresql-client-15 postgresql-15) ;;
        trixie) wanted+=(postgresql-client-17 postgresql-17) ;;
        sid) wanted+=(postgresql-client-18 postgresql-18) ;;
    esac
    other_release "$release" "$home" || return 1

    # Of the dependencies only the libraries are unpacked: no scripts, no services, no compiler back ends.
    names=$(apt-get "${apt[@]}" -s install "${wanted[@]}" | awk '$1 == "Inst" { print $2 }' |
        grep -E '^(pgbackrest|postgresql-(client-)?[0-9]+|zlib1g|lib.*)$' | grep -v -E '^(libllvm|libz3|libperl|libpam|.*-perl$)') ||
        { echo "Debian $release has no installable pgbackrest"; return 1; }
    # shellcheck disable=SC2086
    (cd "$home/archives" && retry 3 apt-get "${apt[@]}" download $names) || { echo "packages of Debian $release could not be fetched"; return 1; }
    for package in "$home"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar x -C "$home/root" --no-same-owner --keep-directory-symlink \
            --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*' --exclude='./usr/share/i18n*'
    done
    rm -rf "$home"/{etc,lists,archives,state} "$home"/*.bin
    chmod -R u+w,go+rX "$home/root"

    relink_release "$home/root"
    version=$("$home/root/usr/bin/pgbackrest" version | awk '{ print $2 }')
    [ -n "$version" ] || { echo "pgbackrest of Debian $release does not run"; return 1; }
    mkdir -p "$cache/tools"
    # 2.55.1 -> 2.55, 2.45 stays
    version=$(cut -d. -f1,2 <<<"$version")
    mkdir -p "$cache/original/$version"
    ln -sfn "$home/root/usr/bin/pgbackrest" "$cache/original/$version/pgbackrest"
    for bin in "$home"/root/usr/lib/postgresql/*/bin; do
        major=$(basename "$(dirname "$bin")")
        "$bin/psql" --version >/dev/null
        "$bin/pg_checksums" --version >/dev/null
        ln -sfn "$bin" "$cache/tools/$major"
    done
    say "Debian $release: pgbackrest $version, client tools of PostgreSQL $major"
}

# DT_RPATH, unlike DT_RUNPATH, also serves the libraries' own libraries.
relink_release() {
    local root=$1 loader file libraries
    libraries=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
    loader=$(find "$root" -name ld-linux-x86-64.so.2 -print -quit)
    [ -n "$loader" ] || { echo "no loader among the packages"; return 1; }
    for file in "$root/usr/bin/pgbackrest" "$root"/usr/lib/postgresql/*/bin/*; do
        [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
        patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$file"
    done
}
