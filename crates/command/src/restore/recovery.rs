//! Writing the recovery settings into the restored data directory.
//!
//! What they say is decided in `pgkeep_postgres::recovery`; here files are read, written and given their owner.

use pgkeep_postgres::recovery::{AUTO_CONF, RECOVERY_CONF, RecoverySettings, RecoveryTarget};
use pgkeep_repo::manifest::PG_DATA;
use pgkeep_storage::{FileTree, InfoLevel, StoragePath, WriteMode, WriteOptions, copy};

use super::modes;
use super::places::Places;
use super::targets;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// A settings file is a few lines; this is far more.
const CONF_LIMIT: u64 = 64 << 20;

/// Writes the settings of this restore; all of it is durable on return but the directory.
///
/// # Errors
/// Those of the file system.
pub(super) fn write(
    context: &Context,
    tree: &dyn FileTree,
    places: &Places,
    recovery: &RecoverySettings,
) -> Result<()> {
    let file = |name: &str| places.file(&[PG_DATA, b"/", name.as_bytes()].concat());
    let shown = |name: &str| tree.display(&places.in_data_dir(name));
    if recovery.target == RecoveryTarget::Preserve {
        let name = recovery.settings_file();
        if tree.info(&file(name), InfoLevel::Exists)?.is_none() {
            log::warn!(
                "recovery type is preserve but recovery file does not exist at '{}'",
                shown(name)
            );
        }
        return Ok(());
    }
    let options = options(context, tree, places)?;
    let now = context.clock.local_text(context.clock.seconds());
    if let Some(content) = recovery.recovery_conf(&now)? {
        log::info!("write {}", shown(RECOVERY_CONF));
        overwrite(tree, &file(RECOVERY_CONF), &options, content.as_bytes())?;
    }
    if recovery.version.has_recovery_settings_in_conf() {
        let existing = copy::read_all(tree, &file(AUTO_CONF), CONF_LIMIT)?;
        if existing.is_none() {
            log::warn!("{AUTO_CONF} does not exist -- creating to contain recovery settings");
        }
        if let Some(content) = recovery.auto_conf(existing.as_deref(), &now)? {
            log::info!(
                "write {}{}",
                if existing.is_some() { "updated " } else { "" },
                shown(AUTO_CONF)
            );
            overwrite(tree, &file(AUTO_CONF), &options, &content)?;
        }
    }
    if let Some(signal) = recovery.signal_file() {
        overwrite(tree, &file(signal), &options, b"")?;
    }
    Ok(())
}

/// Writes a file; one that is there keeps its mode, also where that does not let its owner write.
fn overwrite(
    tree: &dyn FileTree,
    file: &StoragePath,
    options: &WriteOptions,
    content: &[u8],
) -> Result<()> {
    let closed = tree
        .info(file, InfoLevel::Detail)?
        .map(|info| info.mode)
        .filter(|mode| modes::file_at_work(*mode) != *mode);
    if let Some(mode) = closed {
        tree.set_mode(file, modes::file_at_work(mode))?;
    }
    copy::write_all(tree, file, options, content)?;
    if let Some(mode) = closed {
        tree.set_mode_durably(file, mode)?;
    }
    Ok(())
}

/// Recovery files belong to whom the data directory belongs, and are as open as it is.
fn options(context: &Context, tree: &dyn FileTree, places: &Places) -> Result<WriteOptions> {
    let path: StoragePath = places.in_data_dir("");
    let info = targets::directory(tree, &path)?.ok_or_else(|| {
        Error::new(
            ErrorCode::PathMissing,
            format!(
                "unable to get info for missing path/file '{}'",
                tree.display(&path)
            ),
        )
    })?;
    let owner = info
        .owner
        .map(|owner| (owner.uid, owner.gid))
        .filter(|_| context.user.uid == 0);
    Ok(WriteOptions {
        mode: WriteMode::InPlace,
        file_mode: info.mode & 0o644,
        create_path: false,
        sync_path: false,
        owner,
        ..WriteOptions::default()
    })
}
