# Prepares this machine to keep PostgreSQL backups for one account that can do SFTP and nothing else.
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

# --- Where it goes -----------------------------------------------------------------------------------------------

config=/etc/ssh/sshd_config
dropin=/etc/ssh/sshd_config.d/10-pgkeep-$user.conf
keys=/etc/ssh/authorized_keys.d/$user      # root's file: the account cannot let further keys in
record=/etc/ssh/pgkeep-$user.made          # what this script made, for --undo
changing=no first=no reloaded=no

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# Noted before it is made, so that a run that dies leaves nothing unknown.
note() { grep -qxF "$*" "$record" 2>/dev/null || printf '%s\n' "$*" >>"$record"; }
noted() { grep -qxF "$*" "$record" 2>/dev/null; }
# What sshd would do with a login of the account, by the configuration on disk. Releases differ in how they write keywords.
effective() {
    said=$("$sshd" -T -C "user=$user,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22") || return 1
    printf '%s\n' "$said" | awk '{ $1 = tolower($1); print }'
}

look_around() {
    [ "$(id -u)" = 0 ] || die "run this as root on the SFTP host: sudo sh $0"
    for tool in awk getent groupadd groupdel stat useradd userdel usermod; do
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
    effective | grep -q '^subsystem sftp ' || die "sshd offers no SFTP here.
  Put this line into $config, before any Match, and run this script again:
    Subsystem sftp internal-sftp"
    if getent passwd "$user" >/dev/null && ! noted "user $user"; then
        die "the account $user exists and was not made by this script. Choose another name for it (repo-sftp-host-user)"
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
    if ! getent passwd "$user" >/dev/null; then
        shell=/bin/false
        for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do [ -x "$shell" ] && break; done
        note "user $user"
        # A system account without a shell and without a home; what is called its home is where SFTP begins.
        useradd --system --gid "$group" --home-dir "/@UPLOAD_NAME@" --no-create-home --shell "$shell" \
            --comment 'PostgreSQL backups over SFTP' "$user"
    fi
    # No password can match "*". Without this the account is locked ("!"), and sshd refuses keys for it too.
    # Only once: it notes the day as that of a new password.
    [ "$(getent shadow "$user" | awk -F: '{ print $2 }')" = '*' ] || usermod -p '*' "$user"
}

make_directories() {
    make_dir "$chroot"
    if [ ! -d "$upload" ]; then
        note "directory $upload"
        mkdir -m 700 "$upload"
    fi
    # Backups that an earlier --undo left are given back.
    [ "$(stat -c %U:%G "$upload")" = "$user:$group" ] || chown -R -h "$user:$group" "$upload"
    chmod 700 "$upload"
}

# The restrictions. "first one counts" in sshd_config, so this file is read before the rest.
write_dropin() {
    [ -d "$(dirname "$dropin")" ] || make_dir "$(dirname "$dropin")"
    cat >"$dropin.new" <<END
# Made by pgkeep sftp-setup: the account $user may do SFTP in its own directory and nothing else.
Match User $user
    # Sees $chroot as / and nothing else of this machine.
    ChrootDirectory $chroot
    # Whatever a client asks for, it gets the SFTP server that is inside sshd: no shell, no command.
    ForceCommand internal-sftp
    # Keys only, and only those in root's file, which the account cannot change.
    AuthenticationMethods publickey
    PubkeyAuthentication yes
    AuthorizedKeysFile $keys
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
Match all
END
    mv -f "$dropin.new" "$dropin"
}

# Every line of the drop-in must be what sshd itself says about the account.
prove() {
    effective >"$work/effective" || die "sshd does not say how it would treat $user"
    missing=$(sed -n 's/^    \([A-Za-z]\)/\1/p' "$dropin" | awk '{ $1 = tolower($1); print }' |
        grep -vxFf "$work/effective" || :)
    [ -z "$missing" ] || die "not in force, because another part of the configuration of sshd comes first:
$missing
  Look for a Match that fits $user: grep -rn Match $config $(dirname "$dropin")"
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
    pid=$(effective | sed -n 's/^pidfile //p')
    if [ -s "$pid" ] && kill -HUP "$(cat "$pid")" 2>/dev/null; then return; fi
    say "note: no running sshd was found; the configuration counts when it is started"
}

# Last, when the restrictions are in force: before this line nobody can log in. Other keys in the file stay.
let_in() {
    make_dir "$(dirname "$keys")"
    { [ ! -f "$keys" ] || grep -vF "$key" "$keys" || :; say "$key_options $key $comment"; } >"$keys.new"
    # sshd reads the file with the rights of the account.
    chown "root:$group" "$keys.new"
    chmod 640 "$keys.new"
    mv -f "$keys.new" "$keys"
}

set_up() {
    look_around
    refuse_early
    [ -e "$record" ] || first=yes
    work=$(mktemp -d)
    trap finish EXIT
    trap 'exit 1' HUP INT TERM
    [ ! -f "$dropin" ] || cp -p "$dropin" "$work/dropin"
    changing=yes
    make_account
    make_directories
    write_dropin
    "$sshd" -t || die "sshd does not accept the new part of its configuration"
    prove
    reloaded=yes
    reload
    let_in
    changing=no
    say "ready: $user may do SFTP in $upload and nothing else (sshd -T says so)"
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
        rm -f "$dropin.new" "$keys.new"
        if [ "$first" = yes ]; then
            remove_all
        elif [ -f "$work/dropin" ]; then
            cp -p "$work/dropin" "$dropin"
        else
            rm -f "$dropin"
        fi
        [ "$reloaded" = no ] || reload
        say "error: the changes of this run were taken back" >&2
    fi
    rm -rf "$work"
    exit "$status"
}

# Removes what was noted, the last first. A directory that holds anything stays.
remove_all() {
    rm -f "$dropin"
    left=
    lines=$(awk '{ line[NR] = $0 } END { for (n = NR; n > 0; n--) print line[n] }' "$record" 2>/dev/null)
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
    if [ -z "$left" ]; then rm -f "$record"; else printf %s "$left" >"$record"; fi
}

undo() {
    look_around
    [ -e "$record" ] || { say "nothing on this machine was made by this script"; return 0; }
    if [ -f "$keys" ] && grep -vF "$key" "$keys" | grep -q '^[^#]'; then
        die "other keys use the account $user, see $keys. Nothing was changed"
    fi
    # First nobody can log in any more, then sessions end, then the account goes.
    rm -f "$keys"
    if getent passwd "$user" >/dev/null && noted "user $user" && command -v pkill >/dev/null; then
        pkill -KILL -u "$user" || :
    fi
    remove_all
    if [ -d "$upload" ]; then
        # The number of the account may be given to another one, which must not find the backups open.
        chown root "$upload"
        chgrp 0 "$upload"
        chmod 700 "$upload"
        say "kept: the backups in $upload, for root only. To remove them: rm -r $upload && sh $0 --undo"
    fi
    if "$sshd" -t; then reload; else say "note: sshd does not accept its configuration; it was not told to read it"; fi
    say "taken back: the account $user"
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
