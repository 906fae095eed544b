//! Who shall own what is restored.
//!
//! Root gives files the owners of the manifest; anybody else can only make files of his own, and says so once for every
//! other name.

use std::collections::HashMap;

use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::OwnerId;
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::Result;
use crate::run::Context;

/// Numbers for the names in the manifest.
#[derive(Debug)]
pub(super) struct Owners {
    root: bool,
    own: (u32, u32),
    users: HashMap<OwnerId, u32>,
    groups: HashMap<OwnerId, u32>,
    /// For entries without a name.
    unnamed: (u32, u32),
}

impl Owners {
    /// Looks all names of the manifest up and warns about those that cannot be given.
    pub(super) fn of(
        context: &Context,
        tree: &dyn Storage,
        data_dir: &[u8],
        manifest: &Manifest,
    ) -> Result<Self> {
        let user = &context.user;
        let own = (user.uid, user.gid);
        let mut named = Named::default();
        named.gather(manifest);
        let root = user.uid == 0;
        let mut owners = Self {
            root,
            own,
            users: HashMap::new(),
            groups: HashMap::new(),
            unnamed: own,
        };
        if !root {
            named.warn_all(manifest, &user.name, &user.group);
            return Ok(owners);
        }
        if named.user_missing || named.group_missing {
            owners.unnamed = unnamed(context, tree, data_dir, &named)?;
        }
        for id in named.users {
            let number = uzers::get_user_by_name(manifest.names().owner(id))
                .map_or(own.0, |user| user.uid());
            owners.users.insert(id, number);
        }
        for id in named.groups {
            let number = uzers::get_group_by_name(manifest.names().owner(id))
                .map_or(own.1, |group| group.gid());
            owners.groups.insert(id, number);
        }
        Ok(owners)
    }

    /// The numbers an entry shall have.
    pub(super) fn wanted(&self, user: Option<OwnerId>, group: Option<OwnerId>) -> (u32, u32) {
        if !self.root {
            return self.own;
        }
        let of = |ids: &HashMap<OwnerId, u32>, id: Option<OwnerId>, own, unnamed| match id {
            Some(id) => ids.get(&id).copied().unwrap_or(own),
            None => unnamed,
        };
        (
            of(&self.users, user, self.own.0, self.unnamed.0),
            of(&self.groups, group, self.own.1, self.unnamed.1),
        )
    }

    /// The owner to set on a new file; `None`: it already belongs to whom it shall.
    pub(super) fn to_set(
        &self,
        user: Option<OwnerId>,
        group: Option<OwnerId>,
    ) -> Option<(u32, u32)> {
        self.root
            .then(|| self.wanted(user, group))
            .filter(|wanted| *wanted != self.own)
    }
}

/// Names that the manifest uses, each once, in the order they are met.
#[derive(Default)]
struct Named {
    users: Vec<OwnerId>,
    groups: Vec<OwnerId>,
    user_missing: bool,
    group_missing: bool,
}

impl Named {
    fn gather(&mut self, manifest: &Manifest) {
        for file in manifest.files() {
            self.add(file.user, file.group);
        }
        for link in manifest.links() {
            self.add(link.user, link.group);
        }
        for path in manifest.paths() {
            self.add(path.user, path.group);
        }
    }

    fn add(&mut self, user: Option<OwnerId>, group: Option<OwnerId>) {
        let note = |list: &mut Vec<OwnerId>, missing: &mut bool, id| match id {
            Some(id) if !list.contains(&id) => list.push(id),
            Some(_) => {}
            None => *missing = true,
        };
        note(&mut self.users, &mut self.user_missing, user);
        note(&mut self.groups, &mut self.group_missing, group);
    }

    fn warn_all(&self, manifest: &Manifest, user: &str, group: &str) {
        let lists = [
            ("user", &self.users, self.user_missing, user),
            ("group", &self.groups, self.group_missing, group),
        ];
        for (kind, ids, missing, own) in lists {
            if missing {
                log::warn!("unknown {kind} in backup manifest mapped to current {kind}");
            }
            for name in ids
                .iter()
                .map(|id| manifest.names().owner(*id))
                .filter(|name| *name != own)
            {
                log::warn!("unknown {kind} '{name}' in backup manifest mapped to current {kind}");
            }
        }
    }
}

/// Root gives entries without a name to the owner of the data directory, or keeps them.
fn unnamed(
    context: &Context,
    tree: &dyn Storage,
    data_dir: &[u8],
    named: &Named,
) -> Result<(u32, u32)> {
    let owner = tree
        .info(&StoragePath::new(data_dir), InfoLevel::Detail)?
        .and_then(|info| info.owner);
    let (mut numbers, mut names) = (
        (context.user.uid, context.user.gid),
        (context.user.name.clone(), context.user.group.clone()),
    );
    if let Some(owner) = owner {
        if let Some(user) = owner.user {
            numbers.0 = owner.uid;
            names.0 = user;
        }
        if let Some(group) = owner.group {
            numbers.1 = owner.gid;
            names.1 = group;
        }
    }
    if named.user_missing {
        log::warn!("unknown user in backup manifest mapped to '{}'", names.0);
    }
    if named.group_missing {
        log::warn!("unknown group in backup manifest mapped to '{}'", names.1);
    }
    Ok(numbers)
}
