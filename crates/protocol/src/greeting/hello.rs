//! What a side says of itself. This form never changes, whatever the protocol version: only so can two releases that have
//! no version in common tell each other.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::Limits;
use crate::settings::Settings;

/// The protocol versions that this release knows.
pub(crate) const VERSIONS: Versions = Versions {
    lowest: 1,
    highest: 1,
};

/// A range of protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) lowest: u32,
    pub(crate) highest: u32,
}

/// The first frame of each side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: Versions,
    #[serde(default)]
    pub(crate) program: String,
    #[serde(default)]
    pub(crate) capabilities: Vec<String>,
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What the client wants of the server (role, stanza, …). No secrets: it is sent before the server has shown who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Box<RawValue>>,
}

impl Hello {
    pub(crate) fn new(settings: &Settings, request: Option<Box<RawValue>>) -> Self {
        Self {
            protocol: VERSIONS,
            program: settings.program.clone(),
            capabilities: settings.capabilities.clone(),
            limits: settings.limits,
            request,
        }
    }
}
