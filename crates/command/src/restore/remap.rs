//! Where the targets of the backup go on this machine: data directory, tablespaces, links.
//!
//! Links that nobody asked for become plain directories and files; tablespaces always stay links.

use std::collections::BTreeSet;

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{Link, PG_DATA, Target, TargetKind, build};

use super::settings::Settings;
use super::validate::split_destination;
use crate::error::{Error, ErrorCode, Result};

/// Changes targets and links as the options say.
///
/// # Errors
/// [`ErrorCode::TablespaceMap`], [`ErrorCode::LinkMap`] for a mapping of something that is not there;
/// [`ErrorCode::LinkDestination`] when two targets lead to the same place.
pub(super) fn remap(manifest: &mut Manifest, settings: &Settings) -> Result<()> {
    data_directory(manifest, settings)?;
    tablespaces(manifest, settings)?;
    let mut map: Vec<_> = settings.link_map.iter().collect();
    map.sort();
    for (link, destination) in &map {
        map_link(manifest, link, destination)?;
    }
    if !settings.link_all {
        remove_unmapped(manifest, settings);
    }
    build::check_links(manifest)?;
    Ok(())
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn data_directory(manifest: &mut Manifest, settings: &Settings) -> Result<()> {
    let base = manifest
        .base_target()
        .cloned()
        .ok_or_else(|| Error::new(ErrorCode::Format, "manifest has no data directory"))?;
    if base.path != settings.data_dir {
        log::info!("remap data directory to '{}'", show(&settings.data_dir));
        manifest.add_target(Target {
            path: settings.data_dir.clone(),
            ..base
        });
    }
    Ok(())
}

fn tablespaces(manifest: &mut Manifest, settings: &Settings) -> Result<()> {
    let mut used = BTreeSet::new();
    let find = |key: &str| {
        settings
            .tablespace_map
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, path)| path)
    };
    for target in manifest.targets().to_vec() {
        let TargetKind::Tablespace { oid, name } = &target.kind else {
            continue;
        };
        let name = show(name);
        let id = oid.to_string();
        let (by_name, by_id) = (find(&name), find(&id));
        if by_name.is_some() {
            used.insert(name.clone());
        }
        if by_id.is_some() {
            used.insert(id);
        }
        let path = match (by_name, by_id, &settings.tablespace_map_all) {
            (Some(by_name), Some(by_id), _) if by_name != by_id => {
                return Err(Error::new(
                    ErrorCode::TablespaceMap,
                    format!(
                        "tablespace remapped by name '{name}' and id {oid} with different paths"
                    ),
                ));
            }
            (Some(path), ..) | (None, Some(path), _) => path.clone(),
            (None, None, Some(all)) => format!("{all}/{name}"),
            (None, None, None) => continue,
        };
        log::info!("map tablespace '{}' to '{path}'", show(&target.name));
        let link = [PG_DATA, b"/", &target.name].concat();
        move_link(manifest, &link, path.as_bytes());
        manifest.add_target(Target {
            path: path.into_bytes(),
            ..target
        });
    }
    match settings
        .tablespace_map
        .iter()
        .find(|(name, _)| !used.contains(name))
    {
        Some((name, _)) => Err(Error::new(
            ErrorCode::TablespaceMap,
            format!("unable to remap invalid tablespace '{name}'"),
        )
        .with_hint(match &tablespace_names(manifest)[..] {
            [] => "the backup has no tablespaces.".to_owned(),
            names => format!("the backup has the tablespaces {}.", names.join(", ")),
        })),
        None => Ok(()),
    }
}

/// Names of the tablespaces in the backup.
fn tablespace_names(manifest: &Manifest) -> Vec<String> {
    let targets = manifest.targets().iter();
    targets
        .filter_map(|target| match &target.kind {
            TargetKind::Tablespace { name, .. } => Some(format!("'{}'", show(name))),
            _ => None,
        })
        .collect()
}

fn move_link(manifest: &mut Manifest, name: &[u8], destination: &[u8]) {
    if let Some(link) = manifest.link(name).cloned() {
        manifest.add_link(Link {
            destination: destination.to_vec(),
            ..link
        });
    }
}

/// Leads one link elsewhere, or makes a link of what was a path or a file.
fn map_link(manifest: &mut Manifest, link: &str, destination: &str) -> Result<()> {
    let name = [PG_DATA, b"/", link.as_bytes()].concat();
    let existing = manifest.target(&name).cloned();
    // Only by the name of its target, which no link has: nobody comes here, but a tablespace must not become a link.
    if existing
        .as_ref()
        .is_some_and(|target| target.tablespace_oid().is_some())
    {
        return Err(Error::new(
            ErrorCode::LinkMap,
            format!("unable to remap tablespace '{link}'"),
        )
        .with_hint("use 'tablespace-map' option to remap tablespaces."));
    }
    let is_file = match &existing {
        Some(target) => target.file().is_some(),
        None if manifest.file(&name).is_some() => true,
        None if manifest.path(&name).is_some() => false,
        None => {
            return Err(
                Error::new(ErrorCode::LinkMap, format!("unable to map link '{link}'"))
                    .with_hint("Does the link reference a valid backup path or file?"),
            );
        }
    };
    let base = manifest
        .path(PG_DATA)
        .cloned()
        .ok_or_else(|| Error::new(ErrorCode::Format, "manifest has no data directory"))?;
    log::info!(
        "{}link '{link}' to '{destination}'",
        if existing.is_some() { "map " } else { "" }
    );
    let (path, file) = if is_file {
        let split = split_destination(destination.as_bytes()).filter(|(_, file)| !file.is_empty());
        let (path, file) = split.ok_or_else(|| {
            Error::new(
                ErrorCode::LinkMap,
                format!("'{destination}' is not long enough to be the destination for file link '{link}'"),
            )
        })?;
        (path.to_vec(), Some(file.to_vec()))
    } else {
        (destination.as_bytes().to_vec(), None)
    };
    if existing.is_some() {
        move_link(manifest, &name, destination.as_bytes());
    } else {
        let destination = destination.as_bytes().to_vec();
        manifest.add_link(Link {
            name: name.clone(),
            destination,
            user: base.user,
            group: base.group,
        });
    }
    manifest.add_target(Target {
        name,
        path,
        kind: TargetKind::Link { file },
    });
    Ok(())
}

fn remove_unmapped(manifest: &mut Manifest, settings: &Settings) {
    for target in manifest.targets().to_vec() {
        let TargetKind::Link { file } = &target.kind else {
            continue;
        };
        let link = show(&target.name[PG_DATA.len() + 1..]);
        if settings.link_map.iter().any(|(mapped, _)| *mapped == link) {
            continue;
        }
        match file {
            Some(_) => {
                log::warn!("file link '{link}' will be restored as a file at the same location")
            }
            None => log::warn!(
                "contents of directory link '{link}' will be restored in a directory at the same location"
            ),
        }
        manifest.remove_link(&target.name);
        manifest.remove_target(&target.name);
    }
}
