//! What is done to a made-up data directory.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::error::Error;
use pgkeep_testkit::suite::TestResult;

/// Sets all times to one long past, so that only what a case changes is new.
pub fn settle(top: &Path) -> TestResult {
    for entry in fs::read_dir(top)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            settle(&path)?;
        } else if path.is_file() {
            set_time(&path, 0)?;
        }
    }
    Ok(())
}

/// A time long past, a minute later for each number.
fn set_time(path: &Path, number: i64) -> TestResult {
    let seconds = 1_700_000_000 + 60 * number;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
    Ok(fs::File::options()
        .read(true)
        .open(path)?
        .set_modified(time)?)
}

/// A file that the account owns, with a settled time.
fn put(path: &Path, content: &[u8]) -> TestResult {
    if let Some(parent) = path.parent()
        && !parent.exists()
    {
        fs::create_dir_all(parent)?;
        fs::set_permissions(parent, fs::Permissions::from_mode(0o700))?;
    }
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    set_time(path, 0)
}

/// Gives everything that a case made to the server's account.
fn own(data: &Path, beside: &Path) -> TestResult {
    let account = pgkeep_testkit::account::Account::server()?;
    account.own_tree(data)?;
    Ok(account.own_tree(beside)?)
}

pub fn nothing(_: &Path, _: &Path) -> TestResult {
    Ok(())
}

pub fn odd_names(data: &Path, beside: &Path) -> TestResult {
    for name in [
        "a name with spaces",
        " leading and trailing ",
        "a=b",
        "=",
        "\"quoted\"",
        "it's",
        "[section]",
        "#comment",
        ";semicolon",
        "back\\slash",
        "{\"json\":1}",
        "umlaut-äöü-日本-🐘",
        "tab\there",
        "%p $HOME `x`",
        "file.gz",
        "file.pgbi",
        "backup.manifest",
    ] {
        put(&data.join("odd").join(name), name.as_bytes())?;
    }
    own(data, beside)
}

pub fn not_utf8(data: &Path, beside: &Path) -> TestResult {
    put(&data.join(OsStr::from_bytes(b"latin-\xe4\xf6\xfc")), b"x")?;
    own(data, beside)
}

pub fn unknown_owner(data: &Path, _: &Path) -> TestResult {
    let name = data.join("foreign");
    put(&name, b"x")?;
    fs::set_permissions(&name, fs::Permissions::from_mode(0o644))?;
    match std::os::unix::fs::chown(&name, Some(54_321), Some(54_322)) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Error::missing("the right to give files away").into())
        }
        other => Ok(other?),
    }
}

pub fn broken_link(data: &Path, beside: &Path) -> TestResult {
    Ok(symlink(beside.join("nowhere"), data.join("broken"))?)
}

pub fn link_to_link(data: &Path, beside: &Path) -> TestResult {
    fs::create_dir(beside.join("real"))?;
    symlink(beside.join("real"), beside.join("second"))?;
    symlink(beside.join("second"), data.join("first"))?;
    own(data, beside)
}

pub fn link_inside(data: &Path, _: &Path) -> TestResult {
    Ok(symlink(data.join("base"), data.join("again"))?)
}

pub fn good_links(data: &Path, beside: &Path) -> TestResult {
    put(&beside.join("conf/pg.conf"), b"# here\n")?;
    put(&beside.join("conf/other.conf"), b"# not here\n")?;
    put(&beside.join("dir/sub/file"), b"content")?;
    symlink(beside.join("conf/pg.conf"), data.join("pg_hba.conf"))?;
    symlink(beside.join("dir"), data.join("pg_dir"))?;
    own(data, beside)
}

pub fn plain_tablespace(data: &Path, beside: &Path) -> TestResult {
    put(&data.join("pg_tblspc/16400/PG_15_202209061/1/16500"), b"x")?;
    own(data, beside)
}

pub fn tablespace(data: &Path, beside: &Path) -> TestResult {
    let place = beside.join("ts");
    put(&place.join("PG_15_202209061/1/16500"), &[0; 8192])?;
    put(&place.join("PG_14_202107181/1/16500"), &[0; 8192])?;
    put(&place.join("foreign"), b"x")?;
    symlink(&place, data.join("pg_tblspc/16400"))?;
    own(data, beside)
}

pub fn fifo(data: &Path, beside: &Path) -> TestResult {
    let made = Command::new("mkfifo").arg(data.join("a fifo")).status()?;
    if !made.success() {
        return Err("mkfifo failed".into());
    }
    own(data, beside)
}

pub fn unlogged(data: &Path, beside: &Path) -> TestResult {
    for name in [
        "16390",
        "16390.1",
        "16390_fsm",
        "16390_vm",
        "16390_init",
        "t3_16391",
        "t3_16391_fsm",
        "t3_16391.1",
        "t33",
        "16392_init",
        "16393",
        "pg_internal.init",
        "pg_internal.init.77",
        "pg_filenode.map",
    ] {
        put(&data.join("base/1").join(name), &[0; 8192])?;
    }
    own(data, beside)
}

pub fn future(data: &Path, _: &Path) -> TestResult {
    let day = Duration::from_secs(86_400);
    let file = fs::File::options()
        .read(true)
        .open(data.join("pg_xact/0000"))?;
    Ok(file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800) + day)?)
}

pub fn older(data: &Path, _: &Path) -> TestResult {
    change_page(data, 3, 1)?;
    set_time(&data.join("pg_xact/0000"), -5)
}

pub fn resized(data: &Path, beside: &Path) -> TestResult {
    change_page(data, 3, 1)?;
    put(&data.join("pg_xact/0000"), &[0x55; 28_000])?;
    own(data, beside)
}

pub fn touched(data: &Path, _: &Path) -> TestResult {
    change_page(data, 5, 1)?;
    set_time(&data.join("pg_xact/0000"), 2)
}

/// Makes a page of a relation new, which has no checksum to be wrong.
fn change_page(data: &Path, page: usize, time: i64) -> TestResult {
    let relation = data.join("base/1/16385");
    let mut bytes = fs::read(&relation)?;
    let size = bytes.len() / 24;
    bytes[page * size..(page + 1) * size].fill(0);
    fs::write(&relation, bytes)?;
    set_time(&relation, time)
}

pub fn one_bad_page(data: &Path, _: &Path) -> TestResult {
    let relation = data.join("base/1/16385");
    let mut bytes = fs::read(&relation)?;
    bytes[5 * 8192 + 7000] ^= 1;
    fs::write(&relation, bytes)?;
    set_time(&relation, 1)
}

pub fn bad_pages(data: &Path, beside: &Path) -> TestResult {
    let relation = data.join("base/1/16385");
    let mut bytes = fs::read(&relation)?;
    // It has 24 pages of whatever size.
    let size = bytes.len() / 24;
    for page in [1, 5, 6, 7, 23] {
        bytes[(page + 1) * size - 1192] ^= 1;
    }
    fs::write(&relation, bytes)?;
    set_time(&relation, 1)?;
    put(&data.join("base/1/16386"), &[1; 8192 + 100])?;
    put(&data.join("base/1/16387"), &[1; 8192 + 600])?;
    own(data, beside)
}

pub fn unreadable(data: &Path, _: &Path) -> TestResult {
    let name = data.join("postgresql.conf");
    fs::set_permissions(&name, fs::Permissions::from_mode(0o000))?;
    Ok(())
}

pub fn running(data: &Path, beside: &Path) -> TestResult {
    put(&data.join("postmaster.pid"), b"1\n")?;
    own(data, beside)
}

pub fn sizes(data: &Path, beside: &Path) -> TestResult {
    let sparse = data.join("base/1/16394");
    fs::File::create(&sparse)?.set_len(5 << 20)?;
    fs::set_permissions(&sparse, fs::Permissions::from_mode(0o600))?;
    set_time(&sparse, 0)?;
    put(&data.join("base/1/16395"), b"")?;
    put(&data.join("x".repeat(240)), b"long")?;
    own(data, beside)
}

pub fn sizes_change(data: &Path, beside: &Path) -> TestResult {
    put(&data.join("base/1/16395"), &[0; 8192])?;
    set_time(&data.join("base/1/16395"), 1)?;
    let sparse = data.join("base/1/16394");
    fs::File::options().write(true).open(&sparse)?.set_len(0)?;
    set_time(&sparse, 1)?;
    own(data, beside)
}
