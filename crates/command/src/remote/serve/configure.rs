//! The configuration of a client's run on this host: its options over the words, environment and files of the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgkeep_config::command::CommandId;
use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::links::Links;
use crate::hosts::shared_limits::SharedLimits;
use crate::hosts::storages::Storages;
use crate::remote::wire::greeting::{Greeting, Side};
use crate::run::begin;
use crate::run::context::Context;

/// The surroundings of the run of this client. It shares no lock and no storage with another client.
pub(super) fn for_client(
    server: &Context,
    greeting: &Greeting,
    takes_options: bool,
) -> Result<Context> {
    let command = CommandId::from_name(&greeting.command).ok_or_else(|| {
        Error::new(
            ErrorCode::CommandInvalid,
            format!("invalid command '{}'", greeting.command),
        )
    })?;
    let mut told = match takes_options {
        true => greeting.options.clone(),
        false => BTreeMap::new(),
    };
    let mut tell = |option: &option::OptionDef, value: String| {
        told.insert(option.name.to_owned(), vec![value]);
    };
    if let Some(stanza) = &greeting.stanza {
        tell(option::STANZA, stanza.clone());
    }
    if greeting.role == Side::Repo {
        tell(option::REPO, greeting.key.to_string());
    }
    tell(option::REMOTE_TYPE, greeting.role.name().to_owned());
    tell(option::EXEC_ID, greeting.exec_id.clone());
    let config = server
        .config
        .as_remote(command, &told)
        .map_err(|error| begin::lower(&error))?
        .config;
    Ok(Context {
        config: Arc::new(config),
        locks: Arc::default(),
        storages: Storages::default(),
        links: Links::default(),
        rate_limits: SharedLimits::default(),
        ..server.clone()
    })
}
