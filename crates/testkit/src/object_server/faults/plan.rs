//! Which requests get a fault, and what was counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::asked::{Asked, What};
use super::fault::Fault;

type Which = Box<dyn Fn(&Asked) -> bool + Send + Sync>;

struct Rule {
    which: Which,
    /// The first request of those it is about, counted from 1 …
    from: u64,
    /// … and how many after it.
    times: u64,
    fault: Fault,
    seen: u64,
}

/// Faults and the requests they are for. The first rule that is about a request decides; every rule counts it.
#[derive(Default)]
pub struct Plan {
    rules: Vec<Rule>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter();
        f.debug_list()
            .entries(rules.map(|rule| (rule.from, rule.times, &rule.fault)))
            .finish()
    }
}

impl Plan {
    /// No fault: requests are only counted.
    pub fn none() -> Self {
        Self::default()
    }

    /// The n-th request (from 1 on) of those that `which` is true for gets the fault.
    #[must_use]
    pub fn nth(
        self,
        n: u64,
        which: impl Fn(&Asked) -> bool + Send + Sync + 'static,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rule(n, 1, which, fault)
    }

    /// The first `times` requests of those that `which` is true for get the fault.
    #[must_use]
    pub fn first(
        self,
        times: u64,
        which: impl Fn(&Asked) -> bool + Send + Sync + 'static,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rule(1, times, which, fault)
    }

    /// Every request that `which` is true for gets the fault, from the n-th on.
    #[must_use]
    pub fn from(
        self,
        n: u64,
        which: impl Fn(&Asked) -> bool + Send + Sync + 'static,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rule(n, u64::MAX, which, fault)
    }

    fn rule(
        mut self,
        from: u64,
        times: u64,
        which: impl Fn(&Asked) -> bool + Send + Sync + 'static,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rules.push(Rule {
            which: Box::new(which),
            from,
            times,
            fault: fault.into(),
            seen: 0,
        });
        self
    }
}

/// What requests of one kind came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub requests: u64,
    /// Bytes of bodies of requests.
    pub sent: u64,
    /// Bytes of bodies of answers.
    pub received: u64,
}

/// The plan at work.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    plan: Mutex<Plan>,
    counts: Mutex<BTreeMap<What, Count>>,
    struck: Mutex<Vec<Asked>>,
}

impl Ledger {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan: Mutex::new(plan),
            ..Self::default()
        }
    }

    /// Another plan from now on; what was counted stays.
    pub(super) fn replace(&self, plan: Plan) {
        *lock(&self.plan) = plan;
    }

    /// Counts a request and tells its fault.
    pub(super) fn request(&self, asked: &Asked) -> Option<Fault> {
        lock(&self.counts).entry(asked.what).or_default().requests += 1;
        let mut fault = None;
        for rule in &mut lock(&self.plan).rules {
            if !(rule.which)(asked) {
                continue;
            }
            rule.seen += 1;
            if fault.is_none() && rule.seen >= rule.from && rule.seen - rule.from < rule.times {
                fault = Some(rule.fault.clone());
            }
        }
        if fault.is_some() {
            lock(&self.struck).push(asked.clone());
        }
        fault
    }

    pub(super) fn bytes(&self, what: What, sent: u64, received: u64) {
        let mut counts = lock(&self.counts);
        let count = counts.entry(what).or_default();
        count.sent += sent;
        count.received += received;
    }

    pub(super) fn counts(&self) -> BTreeMap<What, Count> {
        lock(&self.counts).clone()
    }

    pub(super) fn forget_counts(&self) {
        lock(&self.counts).clear();
        lock(&self.struck).clear();
    }

    pub(super) fn struck(&self) -> Vec<Asked> {
        lock(&self.struck).clone()
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
