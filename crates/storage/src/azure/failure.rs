//! What a refusal of Azure means: its class, and what the user can do about it.

use super::settings::Access;
use crate::ErrorKind;
use crate::http::{Answer, HttpError};
use crate::object::failure::{of_request, with_hint_for_name};
use crate::object::store::Failure;
use crate::object::xml::Element;

/// Code of the error that an answer holds. The answer to HEAD has it in a header only.
pub(super) fn code_of(answer: &Answer) -> String {
    if let Some(code) = answer.header("x-ms-error-code") {
        return code.to_owned();
    }
    let error = Element::parse(&answer.body).unwrap_or_default();
    match error.name.as_str() {
        "Error" => error.text_of("Code").to_owned(),
        _ => String::new(),
    }
}

/// The code by which a refusal is told. Azurite has the one of a missing right for a wrong signature too.
fn told_code(answer: &Answer) -> String {
    let code = code_of(answer);
    let wrong = "failed to authenticate";
    if code == "AuthorizationFailure" && String::from_utf8_lossy(&answer.body).contains(wrong) {
        return "AuthenticationFailed".to_owned();
    }
    code
}

const NAME: &str = "are repo-azure-account and repo-azure-endpoint right? The name of the account stands before that of the \
    endpoint, unless repo-azure-uri-style=path.";

/// The failure that an error of a request is.
pub(super) fn failure(error: &HttpError, access: &Access) -> Failure {
    let failure = of_request(error, |answer| refusal(answer, access));
    with_hint_for_name(failure, error, NAME)
}

fn refusal(answer: &Answer, access: &Access) -> (ErrorKind, Option<&'static str>) {
    let code = told_code(answer);
    let hint = match (code.as_str(), answer.status.as_u16()) {
        ("ContainerNotFound" | "ContainerBeingDeleted" | "ContainerDisabled", _) => {
            "does the container of repo-azure-container exist in the account of repo-azure-account?"
        }
        ("ResourceNotFound", _) => {
            "does the account of repo-azure-account exist at repo-azure-endpoint?"
        }
        ("KeyBasedAuthenticationNotPermitted", _) => {
            "the account takes no account keys: use repo-azure-key-type=auto."
        }
        (
            "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation",
            _,
        )
        | (_, 401) => match access {
            Access::Shared(_) => {
                "are repo-azure-account and repo-azure-key right, and the clock of this host?"
            }
            Access::Sas(_) => {
                "is the shared access signature of repo-azure-key complete, and has it not ended?"
            }
            Access::Auto { .. } => "is the managed identity of this host of the account's tenant?",
        },
        (code, _) if code.starts_with("Authorization") || code.starts_with("Insufficient") => {
            match access {
                Access::Shared(_) => "do the network rules of the account let this host in?",
                Access::Sas(_) => {
                    "the shared access signature needs the permissions read, write, delete and list, \
                     with repo-storage-tag also tags, with repo-storage-lock also immutable storage (i)."
                }
                Access::Auto { .. } => {
                    "the managed identity needs the role 'Storage Blob Data Contributor' on the container, with \
                     repo-storage-lock 'Storage Blob Data Owner'."
                }
            }
        }
        ("InvalidBlockList", _) => "did another process store the same file at the same time?",
        ("BlobImmutableDueToPolicy", _) => {
            "a policy of the container or a legal hold keeps this file."
        }
        ("SnapshotsPresent", _) => "the file has snapshots: remove them first.",
        ("BlobArchived" | "BlobBeingRehydrated", _) => {
            "the file is in the archive tier: bring it back to an online tier first."
        }
        _ => "",
    };
    (
        kind(&code, answer),
        Some(hint).filter(|hint| !hint.is_empty()),
    )
}

fn kind(code: &str, answer: &Answer) -> ErrorKind {
    match (code, answer.status.as_u16()) {
        (
            "AuthenticationFailed"
            | "InvalidAuthenticationInfo"
            | "NoAuthenticationInformation"
            | "KeyBasedAuthenticationNotPermitted",
            _,
        )
        | (_, 401) => ErrorKind::Identity,
        ("BlobImmutableDueToPolicy", _) | (_, 403) => ErrorKind::Denied,
        ("BlobAlreadyExists", _) | (_, 412) => ErrorKind::Exists,
        (_, 405 | 501) => ErrorKind::Unsupported,
        (_, 507) => ErrorKind::NoSpace,
        // Repeated for as long as there was time.
        (_, 408 | 429 | 500..=599) => ErrorKind::Busy,
        _ => ErrorKind::Broken,
    }
}
