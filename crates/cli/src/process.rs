//! This process: who runs it, how it was started, what it was given open, its exec-id, umask and priority.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use pgkeep_command::run::context::User;
use pgkeep_config::Program;

/// Keeps what the caller has open from every process that this one starts. Some of them outlive the command: a lock of a script
/// around it would stay taken, and a pipe would not end. First of all, while there is one thread and no file of our own.
pub(crate) fn keep_descriptors() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}

/// The program by the name it was started under: a link named `pgbackrest` makes it that program.
pub(crate) fn program(argv0: &str) -> Program {
    match Path::new(argv0).file_name().and_then(|name| name.to_str()) {
        Some("pgbackrest") => Program::PgBackRest,
        _ => Program::PgKeep,
    }
}

/// The running user, with names where the system knows them.
pub(crate) fn user() -> User {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let entry = uzers::get_user_by_uid(uid);
    let home = entry
        .as_ref()
        .map(|entry| uzers::os::unix::UserExt::home_dir(entry).to_path_buf());
    User {
        uid,
        gid,
        name: entry.map_or_else(
            || uid.to_string(),
            |entry| entry.name().to_string_lossy().into_owned(),
        ),
        group: uzers::get_group_by_gid(gid).map_or_else(
            || gid.to_string(),
            |group| group.name().to_string_lossy().into_owned(),
        ),
        home,
    }
}

/// `<pid>-<8 hex>`: tells the processes of this run from those of any other.
pub(crate) fn exec_id() -> String {
    let now = jiff::Timestamp::now().as_nanosecond();
    // Not secret, only unlikely to repeat: the same pid at another time must give another id.
    let mix = (now as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id());
    format!("{}-{:08x}", std::process::id(), (mix >> 32) as u32)
}

/// Absolute path of the program as it was started: what `restore_command` must call.
pub(crate) fn program_path(argv0: &str) -> PathBuf {
    let given = Path::new(argv0);
    if given.is_absolute() {
        return given.to_path_buf();
    }
    if argv0.contains('/') {
        return std::env::current_dir().unwrap_or_default().join(given);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(given))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| std::env::current_exe().unwrap_or_else(|_| given.to_path_buf()))
}

/// The variables that lower layers may need: libpq's, the agent's, the service manager's, the home directory, that of a hook, and
/// those by which a pod is told where it gets its credentials. One that is not UTF-8 is as good as not set.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| {
            name.starts_with("PG")
                || matches!(
                    name.as_str(),
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
                        | "AWS_CONTAINER_CREDENTIALS_FULL_URI"
                        | "AWS_ROLE_ARN"
                        | "AWS_WEB_IDENTITY_TOKEN_FILE"
                        | "CREDENTIALS_DIRECTORY"
                        | "HOME"
                        | "HOOK_EVENT"
                        | "NOTIFY_SOCKET"
                        | "PATH"
                        | "SSH_AUTH_SOCK"
                        | "TMPDIR"
                )
        })
        .collect()
}

/// The local time zone.
///
/// Without `TZ` only `/etc/localtime` is read: looking its name up would list the whole database of zones, which takes
/// longer than all else at the start of a short command such as `archive-push`.
pub(crate) fn time_zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let local = || {
        if std::env::var_os("TZ").is_some() {
            return None;
        }
        TimeZone::tzif("Local", &std::fs::read("/etc/localtime").ok()?).ok()
    };
    ZONE.get_or_init(|| local().unwrap_or_else(TimeZone::system))
        .clone()
}

/// Makes file modes independent of the caller's umask, as pgBackRest does by default.
pub(crate) fn neutral_umask() {
    rustix::process::umask(rustix::fs::Mode::empty());
}

/// Sets the scheduling priority (-20 … 19).
pub(crate) fn set_priority(priority: i32) -> std::io::Result<()> {
    rustix::process::setpriority_process(None, priority).map_err(std::io::Error::from)
}
