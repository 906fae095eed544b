//! The repositories a push goes to: is each of them of this cluster, and with what is its WAL encrypted?
//!
//! This is looked up once per run. What is wrong with one repository is kept apart, as the others are to be served all the same.

use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::{ArchiveId, ArchiveInfo};
use secrecy::SecretString;

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, cluster, pg_host, repository};
use crate::remote::wire::storage::ArchiveIdentity;
use crate::run::Context;

/// Version and system identifier of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub version: String,
    pub system_id: u64,
}

/// One repository that can take the WAL.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub repository: Repository,
    pub archive_id: ArchiveId,
    /// Encrypts the WAL.
    pub pass: Option<SecretString>,
    /// What the other host that has the repository said of the archive.
    pub told: Option<ArchiveIdentity>,
}

/// All repositories, sorted out.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    /// What WAL must say of itself.
    pub identity: Identity,
    pub usable: Vec<Target>,
    /// `repo2: [ArchiveMismatchError] …`, one for each that cannot.
    pub errors: Vec<String>,
}

/// The text of an error of one repository inside a collection.
pub(super) fn repository_error(key: u32, error: &Error) -> String {
    format!("repo{key}: {}", error.named_text())
}

/// The cluster's control file; `None` without `pg1-path`.
///
/// # Errors
/// When the control file cannot be read.
pub(super) fn control_file(context: &Context, settings: &Settings) -> Result<Option<ControlFile>> {
    if !settings.pg_path_set {
        return Ok(None);
    }
    let host = pg_host::open(context, settings.pg_key)?;
    let (control, _) = cluster::read_control(context, &*host)?;
    Ok(Some(control))
}

/// Bytes of a segment as the control file says. One that cannot be read must not keep a full disk from being relieved: the
/// push itself reports it.
pub(super) fn control_size(context: &Context, settings: &Settings) -> Option<u32> {
    let control = control_file(context, settings).ok().flatten();
    control.map(|control| control.wal_segment_size)
}

/// Version and system identifier as a control file has them.
pub(super) fn identity_of(control: &ControlFile) -> Identity {
    Identity {
        version: control.version.to_string(),
        system_id: control.system_id,
    }
}

/// Looks at every repository.
///
/// # Errors
/// [`ErrorCode::RepoInvalid`] when none is usable; those of the control file.
pub(super) fn check_all(context: &Context, settings: &Settings) -> Result<Targets> {
    let cluster = control_file(context, settings)?.as_ref().map(identity_of);
    let keys = repository::keys(&context.config);
    let mut usable: Vec<(Target, Identity)> = Vec::new();
    let mut errors = Vec::new();
    for (key, loaded) in keys.iter().zip(load_all(context, settings, &keys)) {
        let checked = loaded.and_then(|(target, identity)| {
            // Without a control file the first repository stands for the cluster.
            let expected = match (&cluster, usable.first()) {
                (Some(cluster), _) => Some(("PostgreSQL".to_owned(), cluster)),
                (None, Some((first, identity))) => {
                    Some((format!("{} stanza", first.repository.name()), identity))
                }
                (None, None) => None,
            };
            if let Some((whose, expected)) = expected {
                expect(&whose, expected, *key, &identity)?;
            }
            Ok((target, identity))
        });
        match checked {
            Ok(found) => usable.push(found),
            Err(error) if error.code == ErrorCode::Term => return Err(error),
            Err(error) => errors.push(repository_error(*key, &error)),
        }
    }
    let Some((_, first)) = usable.first() else {
        return Err(no_valid_repository(&errors));
    };
    let identity = cluster.unwrap_or_else(|| first.clone());
    Ok(Targets {
        identity,
        usable: usable.into_iter().map(|(target, _)| target).collect(),
        errors,
    })
}

/// The error of a push that some repositories did not take.
pub(super) fn push_error(errors: &[String]) -> Error {
    Error::new(
        ErrorCode::Command,
        format!(
            "archive-push command encountered error(s):\n{}",
            errors.join("\n")
        ),
    )
}

/// The error of a push that no repository can take.
pub(super) fn no_valid_repository(errors: &[String]) -> Error {
    Error::new(
        ErrorCode::RepoInvalid,
        format!("unable to find a valid repository:\n{}", errors.join("\n")),
    )
}

fn expect(whose: &str, expected: &Identity, key: u32, found: &Identity) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::ArchiveMismatch,
        format!(
            "{whose} version {}, system-id {} do not match repo{key} stanza version {}, system-id {}",
            expected.version, expected.system_id, found.version, found.system_id
        ),
    )
    .with_hint("are you archiving to the correct stanza?"))
}

/// Loads the info file of one repository.
///
/// # Errors
/// When the repository cannot be opened or has no usable `archive.info`.
pub(super) fn load(context: &Context, settings: &Settings, key: u32) -> Result<(Target, Identity)> {
    let repository = repository::open(context, key)?;
    if let Some(elsewhere) = &repository.elsewhere {
        // Its host compares, encrypts and writes: no key crosses.
        let (archive_id, found) = elsewhere.archive_identity()?;
        let identity = Identity {
            version: found.version.clone(),
            system_id: found.system_id,
        };
        let target = Target {
            repository,
            archive_id,
            pass: None,
            told: Some(found),
        };
        return Ok((target, identity));
    }
    let info = ArchiveInfo::load(
        &*repository.storage,
        &settings.stanza,
        repository.pass.as_ref(),
    )?;
    let current = info.history.current();
    let identity = Identity {
        version: current.version.clone(),
        system_id: current.system_id,
    };
    Ok((
        Target {
            repository,
            archive_id: current.archive_id(),
            pass: info.cipher_pass,
            told: None,
        },
        identity,
    ))
}

/// Loads one repository that must be of `cluster`.
///
/// # Errors
/// Those of [`load`]; [`ErrorCode::ArchiveMismatch`] when it is of another cluster.
pub(super) fn load_for(
    context: &Context,
    settings: &Settings,
    key: u32,
    cluster: &Identity,
) -> Result<Target> {
    let (target, identity) = load(context, settings, key)?;
    expect("PostgreSQL", cluster, key, &identity)?;
    Ok(target)
}

/// All at the same time: one that is slow to answer does not keep the others waiting.
fn load_all(
    context: &Context,
    settings: &Settings,
    keys: &[u32],
) -> Vec<Result<(Target, Identity)>> {
    if let [key] = keys {
        return vec![load(context, settings, *key)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .iter()
            .map(|&key| scope.spawn(move || load(context, settings, key)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::panicked())))
            .collect()
    })
}
