//! Completion scripts for shells.
//!
//! Commands, options of the command that was typed, and the words that a choice accepts. Invariant: the scripts hold only names of the
//! definitions, which consist of letters, digits and dashes, so nothing needs quoting.

use std::fmt::Write;

use super::facts::placeholder;
use super::text::{lower_summary, plain};
use crate::define::command::{CommandId, Role};
use crate::define::option::{Kind, OptionDef};
use crate::input::Program;
use crate::parse::argv::commands;
use crate::parse::name;

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// The script that completes `program` in `shell`.
pub fn script(program: Program, shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(program, ""),
        // zsh runs the bash script through its own emulation.
        Shell::Zsh => bash(
            program,
            &format!(
                "#compdef {}\nautoload -U +X bashcompinit && bashcompinit\n",
                program.binary()
            ),
        ),
        Shell::Fish => fish(program),
    }
}

/// Options that the user may give to `command`, as they are typed (index 1 for groups), without secrets.
fn options_of(program: Program, command: CommandId) -> impl Iterator<Item = &'static OptionDef> {
    name::options(program).filter(move |option| {
        option.is_known(program, command, Role::Main)
            && !option.internal_in(command)
            && !option.secure
    })
}

fn typed(option: &OptionDef) -> String {
    let equals = if placeholder(option).is_some() {
        "="
    } else {
        ""
    };
    format!("--{}{equals}", name::indexed(option, 1))
}

fn bash(program: Program, preamble: &str) -> String {
    let binary = program.binary();
    let names: Vec<&str> = commands(program)
        .filter(|c| !c.internal)
        .map(|c| c.name)
        .collect();
    let mut script = format!(
        "{preamble}_{binary}()\n{{\n    local word command= option=\n    \
         COMPREPLY=()\n    local line=\"${{COMP_LINE:0:COMP_POINT}}\"\n    \
         word=\"${{line##* }}\"\n    \
         for option in ${{line% *}}; do\n        case \"$option\" in\n        -*|{binary}|*/{binary}) ;;\n        \
         *) if [ -z \"$command\" ] || [ \"$command\" = help ]; then command=\"$option\"; fi ;;\n        esac\n    done\n    \
         local options=\n    case \"$command\" in\n"
    );
    for command in commands(program) {
        let options: Vec<String> = options_of(program, command.id).map(typed).collect();
        let _ = writeln!(
            script,
            "    {}) options=\"{}\" ;;",
            command.name,
            options.join(" ")
        );
    }
    let _ = write!(
        script,
        "    *) options=\"{}\" ;;\n    esac\n    case \"$word\" in\n",
        all_options(program)
            .map(typed)
            .collect::<Vec<_>>()
            .join(" ")
    );
    for option in all_options(program) {
        // The part after `=` is a word of its own for bash.
        let choices = choices(program, option);
        let complete = match option.kind {
            _ if !choices.is_empty() => format!("compgen -W \"{}\"", choices.join(" ")),
            Kind::Path => "compgen -f".to_owned(),
            _ => continue,
        };
        let pattern = pattern(option);
        let _ = writeln!(
            script,
            "    {pattern}*) COMPREPLY=($({complete} -- \"${{word#*=}}\")); return ;;"
        );
    }
    let _ = write!(
        script,
        "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n        \
         case \"${{COMPREPLY[0]}}\" in *=) compopt -o nospace 2>/dev/null ;; esac ;;\n    \
         *) case \"$command\" in ''|help) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")) ;; *) COMPREPLY=($(compgen -f -- \"$word\")) ;; esac ;;\n    \
         esac\n}}\ncomplete -F _{binary} {binary}\n",
        names.join(" ")
    );
    script
}

/// Shell pattern of an option with its equals sign, whatever the index.
fn pattern(option: &OptionDef) -> String {
    match option.group {
        Some(group) => typed(option).replacen(
            &format!("{}1", group.name()),
            &format!("{}[0-9]*", group.name()),
            1,
        ),
        None => typed(option),
    }
}

/// Options of any command.
fn all_options(program: Program) -> impl Iterator<Item = &'static OptionDef> {
    name::options(program).filter(|option| !option.internal && !option.secure)
}

/// Words that a value may be, for any command.
fn choices(program: Program, option: &OptionDef) -> Vec<&'static str> {
    let mut words = option.allowed.to_vec();
    let ours = match program {
        Program::PgKeep => option.allowed_ours,
        Program::PgBackRest => &[],
    };
    for word in option
        .allowed_by_command
        .iter()
        .chain(ours)
        .flat_map(|(_, words)| *words)
    {
        if !words.contains(word) {
            words.push(word);
        }
    }
    words
}

fn fish(program: Program) -> String {
    let binary = program.binary();
    let names: Vec<&str> = commands(program).map(|command| command.name).collect();
    let mut script = format!(
        "set -l commands {}\ncomplete -c {binary} -f\n",
        names.join(" ")
    );
    for command in commands(program).filter(|command| !command.internal) {
        let _ = writeln!(
            script,
            "complete -c {binary} -n \"not __fish_seen_subcommand_from $commands; or __fish_seen_subcommand_from help\" -a {} -d '{}'",
            command.name,
            described(command.summary)
        );
    }
    for option in all_options(program) {
        let commands: Vec<&str> = commands(program)
            .filter(|command| options_of(program, command.id).any(|known| known == option))
            .map(|command| command.name)
            .collect();
        if commands.is_empty() {
            continue;
        }
        let choices = choices(program, option);
        let value = match option.kind {
            Kind::Boolean => String::new(),
            _ if !choices.is_empty() => format!(" -x -a '{}'", choices.join(" ")),
            Kind::Path => " -r -F".to_owned(),
            _ => " -x".to_owned(),
        };
        let _ = writeln!(
            script,
            "complete -c {binary} -n '__fish_seen_subcommand_from {}' -l {}{value} -d '{}'",
            commands.join(" "),
            name::indexed(option, 1),
            described(option.summary)
        );
    }
    script
}

/// A summary between single quotes.
fn described(summary: &str) -> String {
    plain(&lower_summary(summary))
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
}
