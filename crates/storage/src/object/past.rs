//! A bucket as it was at a time: of each key the version that was the object then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::store::{ListQuery, Listed, ObjectStore, Outcome, Piece, Version, VersionPage};

/// Keys whose version is remembered. A file of many pieces, and a bundle of many files, is looked up once.
const REMEMBERED: usize = 10_000;

/// The time, and what was learned of it so far.
#[derive(Debug)]
pub(super) struct Past {
    /// Seconds since 1970.
    at: i64,
    keeps_versions: OnceCell<()>,
    known: Mutex<HashMap<String, Arc<OnceCell<Option<Version>>>>>,
}

impl Past {
    pub(super) fn new(at: i64) -> Self {
        Self {
            at,
            keeps_versions: OnceCell::new(),
            known: Mutex::default(),
        }
    }

    /// One page of versions, of a bucket that keeps them.
    pub(super) async fn page<S: ObjectStore>(
        &self,
        store: &S,
        query: &ListQuery,
        next: Option<&str>,
    ) -> Outcome<VersionPage> {
        let keeps = || store.keeps_versions();
        self.keeps_versions.get_or_try_init(keeps).await?;
        store.list_versions(query, next).await
    }

    /// Makes a list of versions one of objects.
    pub(super) fn picker<S: ObjectStore>(&self) -> Picker {
        Picker {
            at: self.at,
            newest_first: S::NEWEST_FIRST,
            held: Vec::new(),
        }
    }

    /// The version of a key; `None` where there was no such object.
    pub(super) async fn version<S: ObjectStore>(
        &self,
        store: &S,
        key: &str,
    ) -> Outcome<Option<Version>> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            Arc::clone(known.entry(key.to_owned()).or_default())
        };
        let found = cell.get_or_try_init(|| self.look_up(store, key)).await?;
        Ok(found.clone())
    }

    async fn look_up<S: ObjectStore>(&self, store: &S, key: &str) -> Outcome<Option<Version>> {
        let query = ListQuery {
            prefix: key.to_owned(),
            // What is below the name does not matter.
            one_level: true,
            ..ListQuery::default()
        };
        let mut picker = self.picker::<S>();
        let mut next = None;
        loop {
            let page = self.page(store, &query, next.as_deref()).await?;
            let beyond = page.versions.iter().any(|version| version.key != key);
            let own = page.versions.into_iter().filter(|one| one.key == key);
            picker.held.extend(own);
            next = page.next;
            if beyond || next.is_none() {
                return Ok(picker.choose().cloned());
            }
        }
    }

    /// Whether anything was below a prefix.
    pub(super) async fn is_below<S: ObjectStore>(
        &self,
        store: &S,
        prefix: String,
    ) -> Outcome<bool> {
        let query = ListQuery {
            prefix,
            ..ListQuery::default()
        };
        let mut picker = self.picker::<S>();
        let mut next = None;
        loop {
            let page = self.page(store, &query, next.as_deref()).await?;
            next = page.next;
            let mut found = !picker.pick(page.versions).is_empty();
            if next.is_none() {
                found |= picker.last().is_some();
            }
            if found || next.is_none() {
                return Ok(found);
            }
        }
    }

    /// As [`ObjectStore::get`], of the version of that time.
    pub(super) async fn get<S: ObjectStore>(
        &self,
        store: &S,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Outcome<Option<Piece>> {
        let version = self.version(store, key).await?;
        match version.and_then(|version| version.id) {
            Some(id) => store.get_version(key, &id, offset, length).await,
            None => Ok(None),
        }
    }
}

/// Picks of the versions in a list those that were objects. A key's versions may go on with the next page, so the last
/// key of each page is held back.
#[derive(Debug)]
pub(super) struct Picker {
    at: i64,
    newest_first: bool,
    /// Versions of one key.
    held: Vec<Version>,
}

impl Picker {
    /// Objects of which all versions are known now.
    pub(super) fn pick(&mut self, mut versions: Vec<Version>) -> Vec<Listed> {
        // Some servers list marks of deletion behind everything else.
        versions.sort_by(|one, other| one.key.cmp(&other.key));
        let mut out = Vec::new();
        for version in versions {
            if self
                .held
                .first()
                .is_some_and(|held| held.key != version.key)
            {
                out.extend(self.last());
            }
            self.held.push(version);
        }
        out
    }

    /// The object of the key that was held back.
    pub(super) fn last(&mut self) -> Option<Listed> {
        let object = self.choose().map(|version| Listed {
            key: version.key.clone(),
            facts: Some(version.facts),
        });
        self.held.clear();
        object
    }

    /// The version that was the object at that time.
    fn choose(&self) -> Option<&Version> {
        let mut chosen: Option<&Version> = None;
        for version in &self.held {
            let came = version.facts.modified;
            let newer = match chosen {
                None => true,
                Some(chosen) if came == chosen.facts.modified => !self.newest_first,
                Some(chosen) => came > chosen.facts.modified,
            };
            if came <= self.at && newer {
                chosen = Some(version);
            }
        }
        chosen.filter(|version| {
            version.id.is_some() && version.gone.is_none_or(|gone| gone > self.at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::store::Facts;

    fn version(key: &str, id: Option<&str>, modified: i64) -> Version {
        Version {
            key: key.to_owned(),
            id: id.map(str::to_owned),
            facts: Facts { size: 1, modified },
            gone: None,
        }
    }

    fn picker(at: i64) -> Picker {
        Picker {
            at,
            newest_first: true,
            held: Vec::new(),
        }
    }

    /// Keys and times of what two pages show.
    fn seen(at: i64, pages: [Vec<Version>; 2]) -> Vec<(String, i64)> {
        let mut picker = picker(at);
        let mut found: Vec<Listed> = Vec::new();
        for page in pages {
            found.extend(picker.pick(page));
        }
        found.extend(picker.last());
        found
            .into_iter()
            .map(|listed| (listed.key, listed.facts.unwrap().modified))
            .collect()
    }

    #[test]
    fn the_newest_version_of_the_time_counts_and_a_deletion_hides_it() {
        let pages = || {
            [
                vec![
                    version("a", Some("3"), 30),
                    version("a", Some("1"), 10),
                    version("a", None, 20),
                    version("b", Some("2"), 25),
                ],
                // The versions of b go on.
                vec![version("b", Some("1"), 15), version("c", Some("1"), 40)],
            ]
        };
        let named = |expected: &[(&str, i64)]| -> Vec<(String, i64)> {
            let owned = expected.iter().map(|(key, at)| ((*key).to_owned(), *at));
            owned.collect()
        };
        assert_eq!(seen(9, pages()), named(&[]));
        assert_eq!(seen(10, pages()), named(&[("a", 10)]));
        assert_eq!(seen(19, pages()), named(&[("a", 10), ("b", 15)]));
        assert_eq!(seen(20, pages()), named(&[("b", 15)]), "a was deleted");
        assert_eq!(seen(30, pages()), named(&[("a", 30), ("b", 25)]));
        assert_eq!(seen(40, pages()), named(&[("a", 30), ("b", 25), ("c", 40)]));
    }

    #[test]
    fn of_two_versions_of_one_second_the_newer_one_counts() {
        let both = vec![version("a", Some("new"), 10), version("a", Some("old"), 10)];
        let chosen = |newest_first: bool| {
            let picker = Picker {
                newest_first,
                held: both.clone(),
                ..picker(10)
            };
            picker.choose().and_then(|version| version.id.clone())
        };
        assert_eq!(chosen(true).as_deref(), Some("new"));
        assert_eq!(chosen(false).as_deref(), Some("old"), "the list ascends");
    }

    #[test]
    fn a_version_that_was_gone_by_then_is_not_there() {
        let mut picker = picker(20);
        let gone = Version {
            gone: Some(20),
            ..version("a", Some("1"), 10)
        };
        picker.held.push(gone.clone());
        assert_eq!(picker.choose(), None);
        picker.at = 19;
        assert_eq!(picker.choose(), Some(&gone));
    }
}
