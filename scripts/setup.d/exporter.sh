# pgbackrest_exporter, which makes metrics of what `info` says: only newer Debian releases have it. Sourced by scripts/setup.
#
#   $cache/exporter/bin/prometheus-pgbackrest-exporter    one program, which needs no more than a C library

# Bumped when another version is wanted than the one that was unpacked.
exporter_recipe=1

pgbackrest_exporter() {
    local home=$cache/exporter why rc
    [ "$(cat "$home/.complete" 2>/dev/null)" = "$exporter_recipe" ] && return 0
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
        note_ignored pgbackrest-exporter "pgbackrest_exporter is unpacked on amd64 Debian only"
        return 0
    }
    # (Not in the condition itself: bash would then ignore set -e in the function.)
    set +e
    why=$(unpack_exporter "$home" 2>&1)
    rc=$?
    set -e
    if [ "$rc" = 0 ]; then
        printf '%s\n' "$why"
        clear_ignored pgbackrest-exporter
        echo "$exporter_recipe" >"$home/.complete"
    else
        note_ignored pgbackrest-exporter "$(tail -n 1 <<<"$why")"
    fi
}

unpack_exporter() {
    set -e
    local home=$1 apt name=prometheus-pgbackrest-exporter
    other_release sid "$home" || return 1
    (cd "$home/archives" && retry 3 apt-get "${apt[@]}" download "$name") || { echo "Debian sid has no $name"; return 1; }
    dpkg-deb --fsys-tarfile "$home"/archives/*.deb | tar x -C "$home/root" --no-same-owner ./usr/bin
    install -D -m 755 "$home/root/usr/bin/$name" "$home/bin/$name"
    rm -rf "$home"/{etc,lists,archives,state,root} "$home"/*.bin
    # It prints its version to standard error or output, by release.
    "$home/bin/$name" --version >/dev/null 2>&1 || { echo "$name of Debian sid does not run here"; return 1; }
    say "pgbackrest_exporter $("$home/bin/$name" --version 2>&1 | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n 1)"
}
