# Exporters of metrics for Prometheus, one program each, which needs no more than a C library. Sourced by scripts/setup.
#
#   $cache/exporter/bin/prometheus-pgbackrest-exporter    makes metrics of what `info` says: only newer Debian releases have it
#   $cache/node-exporter/bin/prometheus-node-exporter     reads those in the files of a directory

# Bumped when another version is wanted than the one that was unpacked.
exporter_recipe=1

pgbackrest_exporter() {
    an_exporter pgbackrest-exporter sid "$cache/exporter"
}

node_exporter() {
    an_exporter node-exporter bookworm "$cache/node-exporter"
}

# an_exporter NAME RELEASE DIR
an_exporter() {
    local name=$1 release=$2 home=$3 why rc
    [ "$(cat "$home/.complete" 2>/dev/null)" = "$exporter_recipe" ] && return 0
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
        note_ignored "$name" "$name is unpacked on amd64 Debian only"
        return 0
    }
    # (Not in the condition itself: bash would then ignore set -e in the function.)
    set +e
    why=$(unpack_exporter "prometheus-$name" "$release" "$home" 2>&1)
    rc=$?
    set -e
    if [ "$rc" = 0 ]; then
        printf '%s\n' "$why"
        clear_ignored "$name"
        echo "$exporter_recipe" >"$home/.complete"
    else
        note_ignored "$name" "$(tail -n 1 <<<"$why")"
    fi
}

unpack_exporter() {
    set -e
    local name=$1 release=$2 home=$3 apt
    other_release "$release" "$home" || return 1
    (cd "$home/archives" && retry 3 apt-get "${apt[@]}" download "$name") || { echo "Debian $release has no $name"; return 1; }
    dpkg-deb --fsys-tarfile "$home"/archives/*.deb | tar x -C "$home/root" --no-same-owner ./usr/bin
    install -D -m 755 "$home/root/usr/bin/$name" "$home/bin/$name"
    rm -rf "$home"/{etc,lists,archives,state,root} "$home"/*.bin
    # It prints its version to standard error or output, by release.
    "$home/bin/$name" --version >/dev/null 2>&1 || { echo "$name of Debian $release does not run here"; return 1; }
    say "$name $("$home/bin/$name" --version 2>&1 | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n 1)"
}
