# Prepares this machine to keep PostgreSQL backups for @ACCOUNTS@.
# Made by "pgkeep sftp-setup" on the database host. Read it, then run it as root on the SFTP host:
#
#   sh THIS-FILE          sets everything up; may be run again at any time
#   sh THIS-FILE --undo   takes back what it made; backups are kept
#
# Whatever fails, what was changed by that run is taken back. The running SSH server is told to read its
# configuration again only when "sshd -t" accepts it and "sshd -T" shows that every restriction is in force.

set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

# --- What was asked for ------------------------------------------------------------------------------------------

user=@USER@                     # the account; it is made here
group=@GROUP@                   # its group
chroot=@CHROOT@                 # the only part of this machine that the account sees
upload=@UPLOAD@                 # the directory in there that it may write: /@UPLOAD_NAME@ for the account
key_options=@KEY_OPTIONS@       # restrict: no forwarding, no terminal, nothing but the forced command
key=@KEY@
comment=@COMMENT@
command=@COMMAND@
keeper=@KEEPER@                       # a second account for the same files, which may change and remove them; '' for none
keeper_key_options=@KEEPER_KEY_OPTIONS@
keeper_key=@KEEPER_KEY@                   # '' if no key is known yet
keeper_comment=@KEEPER_COMMENT@

# --- Where it goes -----------------------------------------------------------------------------------------------

config=/etc/ssh/sshd_config
dropin=/etc/ssh/sshd_config.d/10-pgkeep-$user.conf
keys=/etc/ssh/authorized_keys.d            # root's files: an account cannot let further keys in
record=/etc/ssh/pgkeep-$user.made          # what this script made, for --undo
accounts="$user${keeper:+ $keeper}"
changing=no reloaded=no

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# Noted before it is made, so that a run that dies leaves nothing unknown.
note() { grep -qxF "$*" "$record" 2>/dev/null || printf '%s\n' "$*" >>"$record"; }
noted() { grep -qxF "$*" "$record" 2>/dev/null; }
# effective ACCOUNT: what sshd would do with a login, by the configuration on disk. Releases differ in how they write keywords.
effective() {
    said=$("$sshd" -T -C "user=$1,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22") || return 1
    printf '%s\n' "$said" | awk '{ $1 = tolower($1); print }'
}

look_around() {
    [ "$(id -u)" = 0 ] || die "run this as root on the SFTP host: sudo sh $0"
    for tool in awk find getent groupadd groupdel stat useradd userdel usermod; do
        command -v "$tool" >/dev/null || die "the program $tool is missing on this machine"
    done
    sshd=$(command -v sshd) || die "there is no sshd on this machine: install the OpenSSH server"
}

# Refuses before anything is changed.
refuse_early() {
    "$sshd" -t || die "sshd does not accept its present configuration. Mend that first; nothing was changed"
    grep -Eiq '^[[:space:]]*Include[[:space:]].*sshd_config\.d/\*' "$config" || die "$config does not read $(dirname "$dropin").
  Put this line at its very beginning, before any Match, and run this script again:
    Include /etc/ssh/sshd_config.d/*.conf"
    effective "$user" | grep -q '^subsystem sftp ' || die "sshd offers no SFTP here.
  Put this line into $config, before any Match, and run this script again:
    Subsystem sftp internal-sftp"
    for name in $accounts; do
        option=repo-sftp-host-user
        [ "$name" = "$user" ] || option=--sftp-keeper-user
        if getent passwd "$name" >/dev/null && ! noted "user $name"; then
            die "the account $name exists and was not made by this script. Choose another name for it ($option)"
        fi
    done
    # Without its part of the configuration such an account would be restricted by nothing.
    for name in $(sed -n 's/^user //p' "$record" 2>/dev/null); do
        case " $accounts " in
            *" $name "*) ;;
            *) die "the account $name was made here as a second one for these backups, and this script does not have it.
  Make the script with --append-only again, or run the one that made $name with --undo first" ;;
        esac
    done
    if [ -n "$keeper" ]; then
        version=$("$sshd" -V 2>&1 | sed -n 's/.*\(OpenSSH_[0-9.]*\).*/\1/p' | sed 1q)
        major=${version#OpenSSH_}
        [ "${major%%.*}" -ge 8 ] 2>/dev/null || die "an account that may only add files needs OpenSSH 8.0 or later, and this is ${version:-another SSH server}.
  Update it, or make the script without --append-only. Nothing was changed"
    fi
    if getent group "$group" >/dev/null && ! noted "group $group" &&
        ! grep -qxF "group $group" /etc/ssh/pgkeep-*.made 2>/dev/null; then
        die "the group $group exists and was not made by this script. Choose another name for it (--sftp-group)"
    fi
    # sshd refuses a chroot unless every directory down to it belongs to root and nobody else can write it.
    path=/
    for part in $(printf %s "$chroot" | tr / ' '); do
        path=${path%/}/$part
        [ -e "$path" ] || [ -L "$path" ] || break
        [ -d "$path" ] && [ ! -L "$path" ] || die "$path is not a directory. Choose another place (--sftp-chroot)"
        set -- $(stat -c '%u %a' "$path")
        case $1,$2 in
            0,*[2367]? | 0,*[2367]) die "others than root can write $path: chmod go-w $path, or choose another place (--sftp-chroot)" ;;
            0,*) ;;
            *) die "$path does not belong to root: chown root $path, or choose another place (--sftp-chroot)" ;;
        esac
    done
    if [ -e "$upload" ] && ! noted "directory $upload"; then
        die "$upload exists and was not made by this script. Choose another place (--sftp-chroot)"
    fi
}

# make_dir DIRECTORY: with its parents, for root.
make_dir() {
    [ -d "$1" ] && return 0
    make_dir "$(dirname "$1")"
    note "directory $1"
    mkdir -m 755 "$1"
}

make_account() {
    getent group "$group" >/dev/null || { note "group $group"; groupadd --system "$group"; }
    for name in $accounts; do
        # The second account has the number of the first, so the files of one are those of the other.
        [ "$name" = "$user" ] && same= || same="--non-unique --uid $(id -u "$user")"
        if ! getent passwd "$name" >/dev/null; then
            shell=/bin/false
            for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do [ -x "$shell" ] && break; done
            note "user $name"
            # A system account without a shell and without a home; what is called its home is where SFTP begins.
            useradd --system $same --gid "$group" --home-dir "/@UPLOAD_NAME@" --no-create-home --shell "$shell" \
                --comment 'PostgreSQL backups over SFTP' "$name"
        fi
        [ "$(id -u "$name")" = "$(id -u "$user")" ] || die "$name and $user are not the same number: run this with --undo first"
        # No password can match "*". Without this the account is locked ("!"), and sshd refuses keys for it too.
        # Only once: it notes the day as that of a new password.
        [ "$(getent shadow "$name" | awk -F: '{ print $2 }')" = '*' ] || usermod -p '*' "$name"
    done
}

make_directories() {
    make_dir "$chroot"
    if [ ! -d "$upload" ]; then
        note "directory $upload"
        mkdir -m 700 "$upload"
    fi
    # Backups that an earlier --undo left are given back.
    [ "$(stat -c %u:%g "$upload")" = "$(id -u "$user"):$(id -g "$user")" ] || chown -R -h "$user:$group" "$upload"
    chmod 700 "$upload"
    if [ -n "$keeper" ]; then
        # Files get their final names by links, where renaming is not allowed.
        if ! { : >"$upload/.link.$$" && ln "$upload/.link.$$" "$upload/.link.$$.2"; }; then
            rm -f "$upload/.link.$$"
            die "the file system of $upload has no hard links, which an account that may only add files needs. Choose another place (--sftp-chroot)"
        fi
        rm -f "$upload/.link.$$" "$upload/.link.$$.2"
    fi
}

# The restrictions. "first one counts" in sshd_config, so this file is read before the rest.
write_dropin() {
    [ -d "$(dirname "$dropin")" ] || make_dir "$(dirname "$dropin")"
    {
        say "# Made by pgkeep sftp-setup: who is named here may do SFTP in a directory of its own and nothing else."
        [ -z "$keeper" ] || say "# $user may only add files: of the requests that SFTP has, those after -P are refused."
        restrict "$user" "$command"
        [ -z "$keeper" ] || restrict "$keeper" internal-sftp
        say "Match all"
    } >"$dropin.new"
    mv -f "$dropin.new" "$dropin"
}

# restrict ACCOUNT COMMAND
restrict() {
    cat <<END
Match User $1
    # Sees $chroot as / and nothing else of this machine.
    ChrootDirectory $chroot
    # Whatever a client asks for, it gets the SFTP server that is inside sshd: no shell, no command.
    ForceCommand $2
    # Keys only, and only those in root's file, which the account cannot change.
    AuthenticationMethods publickey
    PubkeyAuthentication yes
    AuthorizedKeysFile $keys/$1
    AuthorizedKeysCommand none
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    HostbasedAuthentication no
    # No way through this machine to others: no forwarding of any kind, no tunnel.
    DisableForwarding yes
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    AllowAgentForwarding no
    X11Forwarding no
    GatewayPorts no
    PermitTunnel no
    # No terminal, and no file of the account is run at login.
    PermitTTY no
    PermitUserRC no
END
}

# Every line of the drop-in must be what sshd itself says about the account.
prove() {
    for name in $accounts; do
        effective "$name" >"$work/effective" || die "sshd does not say how it would treat $name"
        missing=$(awk -v name="$name" '$1 == "Match" { its = ($3 == name) } its' "$dropin" |
            sed -n 's/^    \([A-Za-z]\)/\1/p' | awk '{ $1 = tolower($1); print }' | grep -vxFf "$work/effective" || :)
        [ -z "$missing" ] || die "not in force, because another part of the configuration of sshd comes first:
$missing
  Look for a Match that fits $name: grep -rn Match $config $(dirname "$dropin")"
    done
}

# narrows: an ordinary account that was made before becomes one that only adds.
narrows() { [ -n "$keeper" ] && [ -f "$work/dropin" ] && ! grep -qF "ForceCommand $command" "$work/dropin"; }

# A session keeps the rights it began with, and what it has open for writing. None begins while the key is away.
shut_out() {
    [ ! -f "$keys/$user" ] || mv -f "$keys/$user" "$keys/$user.away"
}

let_back() {
    [ ! -f "$keys/$user.away" ] || mv -f "$keys/$user.away" "$keys/$user"
}

# sessions_of NUMBER: processes of that account that have not ended.
sessions_of() {
    grep -lE "^Uid:[[:space:]]+$1[[:space:]]" /proc/[0-9]*/status 2>/dev/null | while read -r status; do
        grep -qE '^State:[[:space:]]+[ZX]' "$status" 2>/dev/null || { status=${status#/proc/}; say "${status%/status}"; }
    done
}

end_sessions() {
    number=$(id -u "$user") tries=0 ended=no
    while running=$(sessions_of "$number") && [ -n "$running" ]; do
        [ "$tries" -lt 60 ] || die "a session of $user does not end: process $running"
        kill -KILL $running 2>/dev/null || :
        tries=$((tries + 1)) ended=yes
        sleep 0.5
    done
    [ "$ended" = no ] || say "note: sessions of $user were ended, as they would have kept the rights they began with"
}

# What an ordinary account has written before could be overwritten by its owner, whatever requests are refused. In its directory, so
# that no other one takes its place between looking and changing.
close_files() {
    [ -n "$keeper" ] || return 0
    find "$upload" -type f \( -perm -200 -o -perm -020 -o -perm -002 \) -execdir chmod a-w {} +
}

reload() {
    if [ -d /run/systemd/system ]; then
        for unit in ssh.service sshd.service; do
            if systemctl is-active --quiet "$unit"; then
                systemctl reload "$unit"
                return
            fi
        done
        for unit in ssh.socket sshd.socket; do
            # The server is started by the next connection and reads the configuration then.
            ! systemctl is-active --quiet "$unit" || return 0
        done
    fi
    pid=$(effective "$user" | sed -n 's/^pidfile //p')
    if [ -s "$pid" ] && kill -HUP "$(cat "$pid")" 2>/dev/null; then return; fi
    say "note: no running sshd was found; the configuration counts when it is started"
}

# Last, when the restrictions are in force: before this line nobody can log in. Other keys in the files stay.
let_in() {
    make_dir "$keys"
    authorize "$user" "$key" "$key_options $key $comment"
    [ -z "$keeper_key" ] || authorize "$keeper" "$keeper_key" "$keeper_key_options $keeper_key $keeper_comment"
    for name in $accounts; do
        [ ! -f "$keys/$name.new" ] || mv -f "$keys/$name.new" "$keys/$name"
    done
}

# authorize ACCOUNT KEY LINE
authorize() {
    { [ ! -f "$keys/$1" ] || grep -vF "$2" "$keys/$1" || :; say "$3"; } >"$keys/$1.new"
    # sshd reads the file with the rights of the account.
    chown "root:$group" "$keys/$1.new"
    chmod 640 "$keys/$1.new"
}

set_up() {
    look_around
    refuse_early
    work=$(mktemp -d)
    trap finish EXIT
    trap 'exit 1' HUP INT TERM
    cat "$record" >"$work/record" 2>/dev/null || :
    [ ! -f "$dropin" ] || cp -p "$dropin" "$work/dropin"
    changing=yes
    # A run that was killed has left it away.
    [ -f "$keys/$user" ] || let_back
    make_account
    make_directories
    write_dropin
    "$sshd" -t || die "sshd does not accept the new part of its configuration"
    prove
    reloaded=yes
    if narrows; then shut_out; fi
    reload
    if narrows; then end_sessions; fi
    close_files
    let_back
    let_in
    changing=no
    if [ -z "$keeper" ]; then
        say "ready: $user may do SFTP in $upload and nothing else (sshd -T says so)"
    else
        say "ready: $user may add files in $upload, and change and remove none (sshd -T says so)"
        say "ready: $keeper may do SFTP in $upload and nothing else"
        [ -f "$keys/$keeper" ] || say "note: no key is let in for $keeper: make the script with --sftp-keeper-key=FILE and run it again"
    fi
    for list in allowusers allowgroups denyusers denygroups; do
        if grep -q "^$list " "$work/effective"; then
            say "note: sshd_config has $list; see that it lets $user in"
        fi
    done
    say "host keys of this machine, to be read out to whoever runs the database host:"
    sed -n 's/^hostkey //p' "$work/effective" | while read -r file; do
        [ ! -f "$file.pub" ] || ssh-keygen -l -f "$file.pub"
    done
}

# At the end of a run, whatever the end: a run that failed takes its changes back.
finish() {
    status=$?
    trap - EXIT
    set +e
    if [ "$changing" = yes ]; then
        rm -f "$dropin.new"
        for name in $accounts; do rm -f "$keys/$name.new"; done
        if [ -f "$work/dropin" ]; then cp -p "$work/dropin" "$dropin"; else rm -f "$dropin"; fi
        remove_since "$work/record"
        [ "$reloaded" = no ] || reload
        let_back
        say "error: the changes of this run were taken back" >&2
    fi
    rm -rf "$work"
    exit "$status"
}

# remove_since RECORD: removes what was noted since then, the last first. A directory that holds anything stays.
remove_since() {
    left=
    lines=$(grep -vxFf "$1" "$record" 2>/dev/null | awk '{ line[NR] = $0 } END { for (n = NR; n > 0; n--) print line[n] }')
    while read -r kind what; do
        case $kind in
            user) ! getent passwd "$what" >/dev/null || userdel "$what" || left="$left$kind $what
" ;;
            # Another account may have it as its group by now.
            group) ! getent group "$what" >/dev/null || groupdel "$what" 2>/dev/null || say "kept: group $what is in use" ;;
            directory) [ ! -d "$what" ] || rmdir "$what" 2>/dev/null || left="$kind $what
$left" ;;
        esac
    done <<END
$lines
END
    if [ -z "$left" ] && [ ! -s "$1" ]; then rm -f "$record"; else { cat "$1"; printf %s "$left"; } >"$record"; fi
}

undo() {
    look_around
    [ -e "$record" ] || { say "nothing on this machine was made by this script"; return 0; }
    made=$(sed -n 's/^user //p' "$record")
    for name in $made; do
        if [ -f "$keys/$name" ] && grep -vF -e "$key" -e "${keeper_key:-$key}" "$keys/$name" | grep -q '^[^#]'; then
            die "other keys use the account $name, see $keys/$name. Nothing was changed"
        fi
    done
    # First nobody can log in any more, then sessions end, then the accounts go.
    for name in $made; do rm -f "$keys/$name" "$keys/$name.away"; done
    for name in $made; do
        if getent passwd "$name" >/dev/null && command -v pkill >/dev/null; then pkill -KILL -u "$name" || :; fi
    done
    rm -f "$dropin"
    remove_since /dev/null
    if [ -d "$upload" ]; then
        # The number of the account may be given to another one, which must not find the backups open.
        chown root "$upload"
        chgrp 0 "$upload"
        chmod 700 "$upload"
        say "kept: the backups in $upload, for root only. To remove them: rm -r $upload && sh $0 --undo"
    fi
    if "$sshd" -t; then reload; else say "note: sshd does not accept its configuration; it was not told to read it"; fi
    for name in $made; do say "taken back: the account $name"; done
}

main() {
    case $#,${1-} in
        0,) set_up ;;
        1,--undo) undo ;;
        *) die "usage: sh $0 [--undo]" ;;
    esac
}

# The last line, so that a part of a file that was cut off does nothing.
main "$@"
