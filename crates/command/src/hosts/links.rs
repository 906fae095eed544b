//! Links to other hosts, one for each cluster and repository that is on one, kept for the run.
//!
//! Whoever asks for the same again gets the same connection. All are closed before the run says that it has ended, since locks
//! on the other hosts live with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::remote::link::Link;
use crate::remote::wire::greeting::Side;

type Key = (Side, u32, Option<String>);

/// The links of a run, shared by all its contexts.
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Mutex<BTreeMap<Key, Arc<Link>>>>);

impl Links {
    /// The link to the host of this cluster or repository for this stanza; `make` makes it the first time.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get(
        &self,
        side: Side,
        key: u32,
        stanza: Option<&str>,
        make: impl FnOnce() -> Result<Link>,
    ) -> Result<Arc<Link>> {
        let mut all = self.lock();
        let wanted = (side, key, stanza.map(str::to_owned));
        if let Some(link) = all.get(&wanted) {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(make()?);
        all.insert(wanted, Arc::clone(&link));
        Ok(link)
    }

    /// Those of this stanza, in the order of sides and keys.
    #[must_use]
    pub fn of(&self, stanza: Option<&str>) -> Vec<Arc<Link>> {
        let all = self.lock();
        let own = all.iter().filter(|((.., of), _)| of.as_deref() == stanza);
        own.map(|(_, link)| Arc::clone(link)).collect()
    }

    /// How many connections to the host of this repository the run has made itself, for whatever stanza.
    #[must_use]
    pub fn made_itself(&self, side: Side, key: u32) -> usize {
        let all = self.lock();
        let of = |((other, number, _), link): (&Key, &Arc<Link>)| {
            ((*other, *number) == (side, key)).then(|| link.made_itself())
        };
        all.iter().filter_map(of).sum()
    }

    /// Says goodbye to every host.
    pub fn close(&self) {
        let all = std::mem::take(&mut *self.lock());
        // At the same time: each goodbye is a round trip.
        std::thread::scope(|scope| {
            for link in all.values() {
                scope.spawn(|| link.close());
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Link>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
