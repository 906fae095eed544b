//! Reads environment and files for a command line that is understood.

use std::sync::Arc;

use crate::define::command::CommandId;
use crate::define::option::STANZA;
use crate::error::Result;
use crate::input::{Input, Program};
use crate::origin::Origin;
use crate::parse::argv::CommandLine;
use crate::parse::{environment, file, search, section};

/// Environment and files.
pub(super) fn load(
    input: &Input<'_>,
    line: &mut CommandLine,
    warnings: &mut Vec<String>,
) -> Result<Arc<Origin>> {
    let mut origin = Origin {
        program: input.program,
        argv0: input.args.first().cloned().unwrap_or_default(),
        args: input.args.clone(),
        environment: input.environment.clone(),
        ini: None,
        searched: Vec::new(),
        defaults: match input.program {
            Program::PgKeep => search::PGKEEP_FILES,
            Program::PgBackRest => search::PGBACKREST_FILES,
        },
        uid: input.uid,
        exec_id: input.exec_id.clone(),
    };
    if reads_sources(line.command) {
        let command = (line.command, line.role);
        environment::parse(
            &origin.environment,
            origin.program,
            command,
            &mut line.said,
            warnings,
        )?;
        // The demonstration has a configuration of its own; that of the machine may be of any kind.
        if line.command != CommandId::Demo {
            let loaded = file::load(input.files, input.program, &line.said, warnings)?;
            origin.ini = loaded.ini;
            origin.searched = loaded.searched;
            origin.defaults = loaded.defaults;
            read_sections(&origin, line, warnings)?;
        }
    }
    Ok(Arc::new(origin))
}

/// `help` alone and `version` must work whatever is in environment and files.
fn reads_sources(command: CommandId) -> bool {
    !matches!(command, CommandId::Help | CommandId::Version)
}

pub(super) fn read_sections(
    origin: &Origin,
    line: &mut CommandLine,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(ini) = &origin.ini else {
        return Ok(());
    };
    let stanza = line
        .said
        .get(STANZA, 0)
        .and_then(|value| value.values.first().cloned());
    section::parse(
        ini,
        origin.program,
        stanza.as_deref(),
        (line.command, line.role),
        &mut line.said,
        warnings,
    )
}
