//! Options come in pairs: one for the host of a cluster, one for that of a repository.

use pgkeep_config::option::OptionDef;

use crate::remote::wire::greeting::Side;

/// The option of that side.
pub(super) fn for_side(
    side: Side,
    pg: &'static OptionDef,
    repo: &'static OptionDef,
) -> &'static OptionDef {
    match side {
        Side::Pg => pg,
        Side::Repo => repo,
    }
}
