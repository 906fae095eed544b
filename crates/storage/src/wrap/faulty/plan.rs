//! What fails and where: counted over all storages that share a plan.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, ErrorKind, Operation, Result};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with this kind, and has not been done.
    Error(ErrorKind),
    /// A write is done by half, then fails with this kind; at other operations as [`Fault::Error`].
    TornError(ErrorKind),
    /// The process gets SIGKILL instead of doing the operation.
    Kill,
    /// A write is done by half, then the process gets SIGKILL; at other operations as [`Fault::Kill`].
    TornKill,
    /// The thread panics instead of doing the operation.
    Panic,
}

/// Where the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultySettings {
    /// The operation, counted from 1; 0 for never.
    pub at: u64,
    pub fault: Fault,
}

/// `<fault>:<n>`, with the faults `error`, `no-space`, `torn-error`, `kill`, `torn-kill` and `panic`: how a test tells a
/// binary.
impl FromStr for FaultySettings {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("'{text}' is not <fault>:<number of the operation>");
        let (fault, at) = text.split_once(':').ok_or_else(wrong)?;
        let fault = match fault {
            "error" => Fault::Error(ErrorKind::Broken),
            "no-space" => Fault::Error(ErrorKind::NoSpace),
            "torn-error" => Fault::TornError(ErrorKind::Broken),
            "kill" => Fault::Kill,
            "torn-kill" => Fault::TornKill,
            "panic" => Fault::Panic,
            _ => return Err(wrong()),
        };
        Ok(Self {
            at: at.parse().map_err(|_| wrong())?,
            fault,
        })
    }
}

/// Counts operations over all storages that share it. Fires once.
#[derive(Debug)]
pub struct FaultPlan {
    settings: FaultySettings,
    done: AtomicU64,
    struck: OnceLock<(Operation, String)>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

/// What somebody else does.
struct Meanwhile(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

/// How an operation is to go on.
pub(super) enum Step {
    Whole,
    /// Do half of the write, then call [`FaultPlan::strike`].
    Half,
}

impl FaultPlan {
    #[must_use]
    pub fn new(settings: FaultySettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            done: AtomicU64::new(0),
            struck: OnceLock::new(),
            meanwhile: Mutex::new(None),
        })
    }

    /// A plan by which nothing fails: `does` is called before the operation at this place, as if another host did it meanwhile.
    #[must_use]
    pub fn meanwhile(at: u64, does: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            settings: FaultySettings {
                at,
                fault: Fault::Panic,
            },
            done: AtomicU64::new(0),
            struck: OnceLock::new(),
            meanwhile: Mutex::new(Some(Meanwhile(Box::new(does)))),
        })
    }

    /// A plan that only counts.
    #[must_use]
    pub fn counting() -> Arc<Self> {
        Self::new(FaultySettings {
            at: 0,
            fault: Fault::Kill,
        })
    }

    /// Operations begun so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// What failed, and on which file; `None` while nothing has.
    #[must_use]
    pub fn struck(&self) -> Option<&(Operation, String)> {
        self.struck.get()
    }

    fn is_now(&self) -> bool {
        if self.done.fetch_add(1, Ordering::SeqCst) + 1 != self.settings.at {
            return false;
        }
        let meanwhile = self.meanwhile.lock();
        match meanwhile.unwrap_or_else(PoisonError::into_inner).take() {
            Some(Meanwhile(does)) => {
                does();
                false
            }
            None => true,
        }
    }

    /// Counts one operation and lets the fault happen if it is here.
    pub(super) fn pass(&self, operation: Operation, object: impl FnOnce() -> String) -> Result<()> {
        if self.is_now() {
            Err(self.strike(operation, object()))
        } else {
            Ok(())
        }
    }

    /// As [`FaultPlan::pass`], for a write, which can be done by half.
    pub(super) fn pass_write(&self, object: impl FnOnce() -> String) -> Result<Step> {
        match (self.is_now(), self.settings.fault) {
            (false, _) => Ok(Step::Whole),
            (true, Fault::TornError(_) | Fault::TornKill) => Ok(Step::Half),
            (true, _) => Err(self.strike(Operation::Write, object())),
        }
    }

    /// Makes the fault happen: returns the error, or does not return.
    pub(super) fn strike(&self, operation: Operation, object: String) -> Error {
        let _ = self.struck.set((operation, object.clone()));
        match self.settings.fault {
            Fault::Error(kind) | Fault::TornError(kind) => {
                let reason = format!("fault injected at operation {}", self.settings.at);
                Error::new(kind, operation, object, reason)
            }
            Fault::Kill | Fault::TornKill => {
                // SIGKILL: nothing is cleaned up, no destructor runs, as when the power goes.
                let _ = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                );
                unreachable!("a process does not outlive its SIGKILL")
            }
            Fault::Panic => panic!("fault injected at operation {}: {object}", self.settings.at),
        }
    }
}
