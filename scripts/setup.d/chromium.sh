# Chromium without a screen, in which the pages that we write are looked at. Sourced by scripts/setup.
#
#   $cache/chromium/bin/chromium    a script that starts it with the libraries beside it

# Bumped when what is made from the packages changes.
chromium_recipe=1

chromium() {
    local home=$cache/chromium why rc
    [ "$(cat "$home/.complete" 2>/dev/null)" = "$chromium_recipe" ] && return 0
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
        note_ignored chromium "Chromium is unpacked on amd64 Debian only"
        return 0
    }
    # (Not in the condition itself: bash would then ignore set -e in the function.)
    set +e
    why=$(unpack_chromium "$home" 2>&1)
    rc=$?
    set -e
    if [ "$rc" = 0 ]; then
        printf '%s\n' "$why"
        clear_ignored chromium
        echo "$chromium_recipe" >"$home/.complete"
    else
        note_ignored chromium "$(tail -n 1 <<<"$why")"
    fi
}

unpack_chromium() {
    set -e
    local home=$1 apt names package libraries
    other_release bookworm "$home" || return 1
    # The C library and its loader are the machine's own.
    names=$(apt-get "${apt[@]}" -s install chromium-headless-shell fonts-dejavu-core | awk '$1 == "Inst" { print $2 }' |
        grep -E '^(chromium-headless-shell|chromium-common|fonts-dejavu-core|zlib1g|lib.*)$' | grep -v -E '^(libc6|libc-bin|libpam.*|libllvm.*)$') ||
        { echo "Debian bookworm has no installable chromium-headless-shell"; return 1; }
    # shellcheck disable=SC2086
    (cd "$home/archives" && retry 3 apt-get "${apt[@]}" download $names) || { echo "packages of Chromium could not be fetched"; return 1; }
    for package in "$home"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar x -C "$home/root" --no-same-owner --keep-directory-symlink \
            --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*' --exclude='./usr/share/icons*'
    done
    rm -rf "$home"/{etc,lists,archives,state} "$home"/*.bin
    chmod -R u+w,go+rX "$home/root"
    libraries=$home/root/usr/lib/x86_64-linux-gnu
    libraries=$libraries:$libraries/pulseaudio:$home/root/lib/x86_64-linux-gnu
    mkdir -p "$home/bin" "$home/fonts"
    cat >"$home/bin/chromium" <<END
#!/bin/sh
# The sandbox needs rights that a container seldom gives; only our own pages are opened.
export LD_LIBRARY_PATH='$libraries' FONTCONFIG_FILE='$home/fonts/fonts.conf'
exec '$home/root/usr/lib/chromium/chromium-headless-shell' --no-sandbox --disable-gpu --disable-dev-shm-usage "\$@"
END
    cat >"$home/fonts/fonts.conf" <<END
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$home/root/usr/share/fonts</dir></fontconfig>
END
    chmod 755 "$home/bin/chromium"
    "$home/bin/chromium" --version >/dev/null 2>&1 || { echo "Chromium of Debian bookworm does not run here"; return 1; }
    say "$("$home/bin/chromium" --version | head -n 1)"
}
