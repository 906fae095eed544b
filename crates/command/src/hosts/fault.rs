//! The one fault of a run, for the suite `faults`: exists only with the cargo feature `faulty`.
//!
//! The program sets a plan once, before it opens anything; every repository is then wrapped with it, and operations are
//! counted over all of them. Without a plan nothing is wrapped.

use std::sync::{Arc, OnceLock};

use pgkeep_storage::wrap::faulty::{FaultPlan, Faulty, FaultySettings};
use pgkeep_storage::{FileTree, Storage};

static PLAN: OnceLock<Arc<FaultPlan>> = OnceLock::new();

/// Sets the plan of this process; a second one is ignored.
pub fn plan(settings: FaultySettings) {
    let _ = PLAN.set(FaultPlan::new(settings));
}

/// Operations on repositories begun so far; `None` without a plan.
#[must_use]
pub fn operations() -> Option<u64> {
    PLAN.get().map(|plan| plan.operations())
}

/// What the fault hit, as `Write /path`; `None` while it has not happened.
#[must_use]
pub fn struck() -> Option<String> {
    let (operation, object) = PLAN.get()?.struck()?;
    Some(format!("{operation:?} {object}"))
}

/// The storage with the plan around it.
pub(super) fn around(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    match PLAN.get() {
        Some(plan) => Arc::new(Faulty::new(storage, Arc::clone(plan))),
        None => storage,
    }
}

/// The same for a tree of files.
pub(super) fn around_tree(tree: Arc<dyn FileTree>) -> Arc<dyn FileTree> {
    match PLAN.get() {
        Some(plan) => Arc::new(Faulty::new(tree, Arc::clone(plan))),
        None => tree,
    }
}
