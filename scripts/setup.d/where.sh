# Says which real parts the tests will find. Sourced by scripts/setup.

where() {
    local path
    for path in /usr/lib/postgresql/*/bin/postgres "$cache"/pg/*/bin/postgres; do
        [ ! -x "$path" ] || say "$("$path" --version | sed 's/^postgres (PostgreSQL)/PostgreSQL/; s/ (.*//') in $(dirname "$path")"
    done
    for path in "$cache"/original/*/pgbackrest; do
        [ ! -x "$path" ] || say "$("$path" version) in $(dirname "$path")"
    done
    [ ! -s "$cache/openssh/version" ] || say "OpenSSH $(cat "$cache/openssh/version") in $cache/openssh/sbin"
    [ ! -x "$cache/chromium/bin/chromium" ] || say "Chromium in $cache/chromium/bin"
    [ ! -x "$cache/exporter/bin/prometheus-pgbackrest-exporter" ] || say "pgbackrest_exporter in $cache/exporter/bin"
    for path in "$cache"/s3s "$cache"/garage "$cache"/moto; do
        [ ! -s "$path/.version" ] || say "S3 server $(basename "$path") $(cat "$path/.version") in $path/bin"
    done
    [ ! -s "$cache/azurite/.version" ] || say "Azure server azurite $(cat "$cache/azurite/.version") in $cache/azurite/bin"
    [ ! -s "$cache/gcs/.version" ] || say "GCS server (package $(cat "$cache/gcs/.version")) in $cache/gcs/bin"
    for path in "$cache"/ignored/*; do
        [ ! -s "$path" ] || say "ignored: $(basename "$path"): $(cat "$path")"
    done
}
