//! `initdb` once for each version and set of options; every further cluster is a copy.
//!
//! Templates lie in the cache when the server account may write there, else in a directory of this process. A template
//! is made beside its place and renamed into it, so processes that make the same one do not disturb each other.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use super::builder::ClusterBuilder;
use crate::account::Account;
use crate::error::{Error, Result};
use crate::installed;
use crate::run::run;
use crate::scratch::Scratch;

/// One maker at a time in this process.
static MAKING: Mutex<()> = Mutex::new(());

/// Puts a fresh data directory at `data_dir`.
pub(super) fn provide(
    builder: &ClusterBuilder,
    bin: &Path,
    data_dir: &Path,
    account: &Account,
) -> Result<()> {
    if builder.own_system_id {
        return initdb(builder, bin, data_dir, account);
    }
    let name = format!(
        "{}-{}-wal{}{}",
        builder.major,
        server_version(bin, account)?,
        builder.wal_segment_mib,
        if builder.data_checksums {
            "-checksums"
        } else {
            ""
        }
    );
    let template = home(account)?.join(&name);
    {
        let _making = MAKING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !template.exists() {
            let fresh = template.with_file_name(format!(".{name}.{}", std::process::id()));
            initdb(builder, bin, &fresh, account)?;
            // Another process may have been faster: then its template serves.
            let renamed = run(account.command("mv").arg("-T").arg(&fresh).arg(&template))?;
            if renamed.code != 0 {
                run(account.command("rm").arg("-rf").arg(&fresh))?.success()?;
            }
            if !template.exists() {
                return Err(Error::Failed(renamed.stderr));
            }
        }
    }
    run(account
        .command("cp")
        .args(["-a", "--reflink=auto"])
        .arg(&template)
        .arg(data_dir))?
    .success()
    .map(drop)
}

fn initdb(builder: &ClusterBuilder, bin: &Path, data_dir: &Path, account: &Account) -> Result<()> {
    let mut command = account.command(bin.join("initdb"));
    command
        .args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ])
        .arg(format!("--wal-segsize={}", builder.wal_segment_mib))
        .arg("--pgdata")
        .arg(data_dir);
    if builder.data_checksums {
        command.arg("--data-checksums");
    } else if builder.major >= 18 {
        command.arg("--no-data-checksums");
    }
    run(&mut command)?.success().map(drop)
}

/// "17.10": a template made by another minor release is not reused.
fn server_version(bin: &Path, account: &Account) -> Result<String> {
    let said = run(account.command(bin.join("postgres")).arg("--version"))?
        .success()?
        .stdout;
    Ok(said
        .split_whitespace()
        .nth(2)
        .unwrap_or("unknown")
        .to_owned())
}

/// Where templates lie.
fn home(account: &Account) -> Result<PathBuf> {
    static OWN: OnceLock<Scratch> = OnceLock::new();
    let shared = installed::cache().join("templates");
    if run(account.command("test").arg("-w").arg(&shared))?.code == 0 {
        return Ok(shared);
    }
    if let Some(own) = OWN.get() {
        return Ok(own.path().to_owned());
    }
    let own = Scratch::new()?;
    Ok(OWN.get_or_init(|| own).path().to_owned())
}
