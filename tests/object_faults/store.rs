//! The stores that the tests run on, a row each: how its server words what goes wrong.

use std::time::Duration;

use pgkeep_testkit::object_server::faults::{Fault, Refusal, What};
use pgkeep_testkit::object_server::{ACCOUNT_KEY, Kind, SECRET, TOKEN};

/// A store.
#[derive(Debug, Clone, Copy)]
pub struct Store {
    /// In names of tests.
    pub name: &'static str,
    pub kind: Kind,
    /// The part of its options that no message may have.
    pub secret: &'static str,
    /// Errors after which the same request may succeed: status and code.
    passing: &'static [(u16, &'static str)],
    /// Refusals for good: status, code, and what the user is told to look at.
    pub refusals: &'static [(u16, &'static str, &'static str)],
    /// The code of the refusal that says the bucket is not there.
    pub no_bucket: &'static str,
    /// Of so many points that S3 has in a default run it has one.
    pub share: u64,
    /// Seconds without an answer after which a server is taken for gone: short, but no healthy one of them takes so long.
    pub io_timeout: u32,
}

pub const STORES: &[Store] = &[
    Store {
        name: "s3",
        // It lists uploads that were begun.
        kind: Kind::Moto,
        secret: SECRET,
        passing: &[(500, "InternalError"), (503, "SlowDown")],
        refusals: &[
            (403, "AccessDenied", ""),
            (400, "ExpiredToken", "HINT: is repo-s3-token"),
            (404, "NoSuchBucket", "HINT: does the bucket"),
            (301, "PermanentRedirect", "HINT: do repo-s3-region"),
            (
                400,
                "AuthorizationHeaderMalformed",
                "HINT: do repo-s3-region",
            ),
            (403, "RequestTimeTooSkewed", "HINT: is the clock"),
            (503, "SlowDown", ""),
        ],
        no_bucket: "NoSuchBucket",
        share: 1,
        io_timeout: 1,
    },
    Store {
        name: "azure",
        kind: Kind::Azurite,
        secret: ACCOUNT_KEY,
        passing: &[
            (500, "InternalError"),
            (503, "ServerBusy"),
            (500, "OperationTimedOut"),
        ],
        refusals: &[
            (403, "AuthorizationFailure", "HINT: do the network rules"),
            // A token that has ended, and a clock that is wrong.
            (401, "InvalidAuthenticationInfo", "and the clock of this"),
            (403, "AuthenticationFailed", "and the clock of this"),
            (404, "ContainerNotFound", "HINT: does the container"),
            (409, "ContainerBeingDeleted", "HINT: does the container"),
            (503, "ServerBusy", ""),
        ],
        no_bucket: "ContainerNotFound",
        share: 5,
        io_timeout: 3,
    },
    Store {
        name: "gcs",
        kind: Kind::Gcs,
        secret: TOKEN,
        passing: &[
            (500, "backendError"),
            (503, "backendError"),
            (429, "rateLimitExceeded"),
        ],
        refusals: &[
            (403, "forbidden", ""),
            (401, "authError", "HINT: is repo-gcs-key right"),
            (404, "notFound", "HINT: does the bucket"),
            (403, "userProjectAccessDenied", "HINT: may the account"),
            (503, "backendError", ""),
        ],
        no_bucket: "notFound",
        share: 5,
        io_timeout: 1,
    },
];

impl Store {
    /// An answer with an error as the server words it.
    pub fn refusal(&self, status: u16, code: &str) -> Refusal {
        match self.kind {
            Kind::Azurite => Refusal::azure(status, code),
            Kind::Gcs if code == self.no_bucket => {
                Refusal::gcs(status, code, "The specified bucket does not exist.")
            }
            Kind::Gcs => Refusal::gcs(status, code, "made by the test"),
            _ => Refusal::s3(status, code),
        }
    }

    /// What says in its status that all is well, and inside that it is not; `None`: there is no such answer.
    pub fn error_inside(&self, what: What) -> Option<Refusal> {
        match (self.kind, what) {
            (Kind::Moto, What::Complete | What::RemoveMany | What::List) => {
                Some(Refusal::s3(200, "InternalError"))
            }
            (Kind::Azurite, What::RemoveMany) => Some(Refusal::azure_batch(503, "ServerBusy")),
            (Kind::Azurite, What::List) => Some(Refusal::azure(200, "InternalError")),
            (Kind::Gcs, What::List | What::Put | What::Complete) => Some(Refusal::gcs(
                200,
                "backendError",
                "Internal error made by the test",
            )),
            _ => None,
        }
    }

    /// Comes for longer than is waited for anything to come, and yet there is always something.
    fn slow_answer(&self) -> Fault {
        let pause = Duration::from_millis(400 * u64::from(self.io_timeout));
        Fault::SlowAnswer(4, pause)
    }

    /// Faults of a single request that the run must survive.
    pub fn passing(&self, what: What) -> Vec<Fault> {
        let refused = |(status, code): &(u16, &str)| self.refusal(*status, code).into();
        let mut faults: Vec<Fault> = self.passing.iter().map(refused).collect();
        faults.extend([
            Fault::ResetBefore,
            Fault::LoseAnswer,
            Fault::TruncateAnswer,
            Fault::Stall,
        ]);
        match what {
            What::Get | What::List => faults.extend([
                self.slow_answer(),
                Fault::ResetWithinAnswer,
                Fault::StallWithinAnswer,
            ]),
            What::Put | What::Part => faults.push(Fault::ResetWithin),
            _ => {}
        }
        // These are looked into; an answer without sense ends a run elsewhere.
        let looked_into = match self.kind {
            Kind::Azurite => what == What::RemoveMany,
            Kind::Moto => matches!(what, What::Complete | What::RemoveMany),
            _ => false,
        };
        if looked_into {
            faults.extend(self.error_inside(what).map(Fault::from));
        }
        faults
    }
}
