//! What an option definition says, and the bases from which definitions start.

use super::rule::{CommandRoles, Default, Depend, Deprecated, Group, Kind, Range, Section};
use crate::define::command::{CommandId, Role};
use crate::input::Program;

/// One option: where it may be said, what it may say, and what is known about it.
///
/// Two definitions are equal when their names are.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// Name without index: `process-max`, `repo-path`.
    pub name: &'static str,
    /// Kinds of configuration sections that may hold the option.
    pub section: Section,
    /// Heading of the option in help: `general`, `backup`, `command` …
    pub help_section: &'static str,
    /// How a value is read.
    pub kind: Kind,
    /// Indexed family the option belongs to (`repo1-path`, `pg2-path`).
    pub group: Option<Group>,
    /// Commands that know the option, each with the roles in which it does; sorted by command.
    pub commands: &'static [CommandRoles],
    /// Those of `commands` for which pgBackRest does not know the option; they know it only when started as `pgkeep`.
    pub commands_ours: &'static [CommandId],
    /// Value when nothing was said.
    pub default: Default,
    /// Defaults of single commands, which win over `default`.
    pub default_by_command: &'static [(CommandId, &'static str)],
    /// The only values accepted; empty: any.
    pub allowed: &'static [&'static str],
    /// Accepted values of single commands, which replace `allowed`.
    pub allowed_by_command: &'static [(CommandId, &'static [&'static str])],
    /// Further values of single commands that pgBackRest does not know; accepted only when started as `pgkeep`.
    pub allowed_ours: &'static [(CommandId, &'static [&'static str])],
    /// Smallest and largest value.
    pub range: Option<Range>,
    /// Whether the command fails without a value (a default is a value).
    pub required: bool,
    /// The same for single commands, which wins over `required`.
    pub required_by_command: &'static [(CommandId, bool)],
    /// Where `required`: whether a rule about several options says when, so that a value may be missing until then.
    pub required_by_rule: bool,
    /// Whether `--no-<name>` is accepted.
    pub negatable: bool,
    /// Whether `--reset-<name>` is accepted.
    pub resettable: bool,
    /// Whether the option may be repeated, each time adding a value.
    pub multiple: bool,
    /// Whether the value is a secret: refused on the command line, never printed.
    pub secure: bool,
    /// Whether a choice can also be said like a boolean (`--name` is `y`, `--no-name` is `n`).
    pub bool_like: bool,
    /// Whether lists and help overviews leave the option out.
    pub internal: bool,
    /// Commands for which alone the option is internal.
    pub internal_for: &'static [CommandId],
    /// Older spellings that still work.
    pub deprecated: &'static [Deprecated],
    /// Condition under which the option has a meaning.
    pub depends: Option<Depend>,
    /// Conditions of single commands, which replace `depends`.
    pub depends_by_command: &'static [(CommandId, Depend)],
    /// Whether pgBackRest does not know the option; such options exist only when started as `pgkeep`.
    pub ours: bool,
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// One to four paragraphs separated by an empty line: effect, unit, when to change it, traps.
    pub help: &'static str,
    /// How it looks in a configuration file (`repo1-path=/backup`) or, command-line only, on the command line (`--type=full`).
    pub example: &'static str,
}

impl OptionDef {
    /// An option that may be in any section: required, resettable, text; definitions start from here.
    pub const GLOBAL: OptionDef = OptionDef {
        name: "",
        section: Section::Global,
        help_section: "general",
        kind: Kind::String,
        group: None,
        commands: &[],
        commands_ours: &[],
        default: Default::None,
        default_by_command: &[],
        allowed: &[],
        allowed_by_command: &[],
        allowed_ours: &[],
        range: None,
        required: true,
        required_by_command: &[],
        required_by_rule: false,
        negatable: false,
        resettable: true,
        multiple: false,
        secure: false,
        bool_like: false,
        internal: false,
        internal_for: &[],
        deprecated: &[],
        depends: None,
        depends_by_command: &[],
        ours: false,
        summary: "",
        help: "",
        example: "",
    };

    /// A boolean that may be in any section and can be negated.
    pub const GLOBAL_BOOLEAN: OptionDef = OptionDef {
        kind: Kind::Boolean,
        negatable: true,
        ..Self::GLOBAL
    };

    /// An option of one repository (`repo1-…`), in any section.
    pub const REPOSITORY: OptionDef = OptionDef {
        help_section: "repository",
        group: Some(Group::Repo),
        ..Self::GLOBAL
    };

    /// A boolean of one repository.
    pub const REPOSITORY_BOOLEAN: OptionDef = OptionDef {
        kind: Kind::Boolean,
        negatable: true,
        ..Self::REPOSITORY
    };

    /// An option of one cluster (`pg1-…`), only in sections of a stanza.
    pub const CLUSTER: OptionDef = OptionDef {
        section: Section::Stanza,
        help_section: "stanza",
        group: Some(Group::Pg),
        ..Self::GLOBAL
    };

    /// An option that files cannot hold.
    pub const COMMAND_LINE: OptionDef = OptionDef {
        section: Section::CommandLine,
        help_section: "command",
        resettable: false,
        ..Self::GLOBAL
    };

    /// A boolean that files cannot hold and that cannot be negated.
    pub const COMMAND_LINE_BOOLEAN: OptionDef = OptionDef {
        kind: Kind::Boolean,
        default: Default::Is("n"),
        ..Self::COMMAND_LINE
    };

    /// Roles in which `command` knows the option, if it does at all.
    pub fn roles(&self, command: CommandId) -> Option<&'static CommandRoles> {
        self.commands.iter().find(|known| known.command == command)
    }

    /// Whether `command` in `role` knows the option, whatever the program was started as.
    pub fn is_valid(&self, command: CommandId, role: Role) -> bool {
        self.roles(command).is_some_and(|known| known.has(role))
    }

    /// Whether `command` in `role` knows the option when it is started as `program`.
    pub fn is_known(&self, program: Program, command: CommandId, role: Role) -> bool {
        self.is_valid(command, role)
            && (program == Program::PgKeep || !self.commands_ours.contains(&command))
    }

    /// Default for `command`, whether its own or the option's.
    pub fn default_for(&self, command: CommandId) -> Default {
        by_command(self.default_by_command, command).map_or(self.default, Default::Is)
    }

    /// Values accepted by `command`; empty: any.
    pub fn allowed_for(&self, command: CommandId) -> &'static [&'static str] {
        by_command(self.allowed_by_command, command).unwrap_or(self.allowed)
    }

    /// Values that only `pgkeep` accepts for `command`.
    pub fn ours_for(&self, command: CommandId) -> &'static [&'static str] {
        by_command(self.allowed_ours, command).unwrap_or(&[])
    }

    /// Whether `command` fails without a value.
    pub fn required_for(&self, command: CommandId) -> bool {
        by_command(self.required_by_command, command).unwrap_or(self.required)
    }

    /// Condition under which the option has a meaning for `command`.
    pub fn depends_for(&self, command: CommandId) -> Option<Depend> {
        by_command(self.depends_by_command, command).or(self.depends)
    }

    /// Whether help of `command` leaves the option out.
    pub fn internal_in(&self, command: CommandId) -> bool {
        self.internal || self.internal_for.contains(&command)
    }
}

/// The entry of `command` in a list of exceptions.
fn by_command<T: Copy>(list: &[(CommandId, T)], command: CommandId) -> Option<T> {
    list.iter()
        .find(|(known, _)| *known == command)
        .map(|(_, value)| *value)
}

impl PartialEq for OptionDef {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for OptionDef {}

impl PartialOrd for OptionDef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OptionDef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name.cmp(other.name)
    }
}

impl std::hash::Hash for OptionDef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
