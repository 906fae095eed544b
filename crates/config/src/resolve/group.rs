//! Which indexes of `pg` and `repo` exist.
//!
//! Invariant: a group that the command knows has at least one index; an index with nothing but defaults disappears unless it is the last.

use std::collections::BTreeSet;

use crate::config::Entries;
use crate::define::command::{CommandId, Role};
use crate::define::option::{Group, OptionDef};
use crate::origin::Origin;
use crate::parse::{Said, name};

const GROUPS: [Group; 2] = [Group::Pg, Group::Repo];

/// Indexes of both groups while options are decided.
pub(crate) struct Groups {
    keys: [Vec<u32>; 2],
    /// Indexes with at least one value that is not a default.
    keep: BTreeSet<(Group, u32)>,
}

impl Groups {
    /// Every index that was mentioned (and not reset) in an option known to the command.
    pub(crate) fn new(origin: &Origin, command: (CommandId, Role), said: &Said) -> Self {
        let known = |group| {
            name::options(origin.program).filter(move |option| {
                option.group == Some(group) && option.is_known(origin.program, command.0, command.1)
            })
        };
        let keys = GROUPS.map(|group| {
            let mut keys: BTreeSet<u32> = known(group)
                .flat_map(|option| said.keys(option))
                .filter(|(_, value)| !value.reset)
                .map(|(key, _)| key)
                .collect();
            // The first cluster always has key 1; without any key there is one with defaults only.
            if known(group).next().is_some() && (group == Group::Pg || keys.is_empty()) {
                keys.insert(1);
            }
            keys.into_iter().collect()
        });
        Groups {
            keys,
            keep: BTreeSet::new(),
        }
    }

    /// Indexes at which `option` is decided; 0 for options without group.
    pub(crate) fn indexes(&self, option: &OptionDef) -> Vec<u32> {
        match option.group {
            Some(group) => self.keys[group as usize].clone(),
            None => vec![0],
        }
    }

    /// Remembers that an index has a value that is not a default.
    pub(crate) fn keep(&mut self, group: Group, key: u32) {
        self.keep.insert((group, key));
    }

    /// Drops the indexes that have only defaults.
    ///
    /// If one index remains of a group whose first index had only defaults, it becomes index 1. pgBackRest does so even if the one that
    /// remains has values (`pg2-path` alone is `pg1-path` for archive-push), and keys show in messages and lock names.
    pub(crate) fn finish(mut self, entries: &mut Entries) -> [Vec<u32>; 2] {
        for group in GROUPS {
            let keys = &mut self.keys[group as usize];
            let first = keys.first().copied();
            let is_of_group =
                |name: &str| name::by_name(name).is_some_and(|option| option.group == Some(group));
            for key in keys.clone().into_iter().rev() {
                if keys.len() > 1 && !self.keep.contains(&(group, key)) {
                    keys.retain(|known| *known != key);
                    entries.retain(|(name, known), _| *known != key || !is_of_group(name));
                }
            }
            if let [last] = keys[..]
                && last != 1
                && first.is_some_and(|first| !self.keep.contains(&(group, first)))
            {
                keys[0] = 1;
                let renamed: Vec<&'static str> = entries
                    .keys()
                    .filter(|(name, key)| *key == last && is_of_group(name))
                    .map(|(name, _)| *name)
                    .collect();
                for name in renamed {
                    if let Some(entry) = entries.remove(&(name, last)) {
                        entries.insert((name, 1), entry);
                    }
                }
            }
        }
        self.keys
    }
}
