//! What is typed at a real bash, zsh and fish is gone on with: commands, options, stanzas, labels; under both names, unless
//! `pgbackrest` is another program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::{Result, State};

/// A shell: how it is started, and how it is told where the script lies.
struct Shell {
    name: &'static str,
    start: &'static str,
    /// First lines typed; `@` is the directory of the scripts.
    set_up: &'static str,
    /// Where the script lies below that directory, for each name.
    files: [&'static str; 2],
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        start: "bash --norc --noprofile -i",
        set_up: "BASH_COMPLETION_USER_DIR=@; source /usr/share/bash-completion/bash_completion\n",
        files: ["completions/pgkeep", "completions/pgbackrest"],
    },
    Shell {
        name: "zsh",
        start: "zsh -f -i",
        set_up: "PROMPT=; bindkey -e; fpath=(@/zsh $fpath); autoload -U compinit; compinit -D -u\n",
        files: ["zsh/_pgkeep", ""],
    },
    Shell {
        name: "fish",
        start: "fish -i",
        set_up: "",
        files: [
            "fish/completions/pgkeep.fish",
            "fish/completions/pgbackrest.fish",
        ],
    },
];

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for shell in &SHELLS {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("{}_completes_what_is_typed", shell.name),
            move || completes(&program, shell),
        );
    }
    suite
}

fn completes(program: &Program, shell: &Shell) -> TestResult {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&paths).any(|path| path.join(name).exists());
    if !there(shell.name) || !there("script") {
        return Err(Error::missing(shell.name).into());
    }
    if shell.name == "bash" && !Path::new("/usr/share/bash-completion/bash_completion").exists() {
        return Err(Error::missing("bash-completion").into());
    }
    let state = State::new()?;
    let label = fs::read_link(state.in_repo("backup/main/latest"))?;
    let label = label.display().to_string();
    let config = state.config.display().to_string();
    let script = program
        .run(["help", &format!("--as={}", shell.name)])?
        .success()?
        .stdout;
    for file in shell.files.iter().filter(|file| !file.is_empty()) {
        state.scratch.write(file, &script)?;
    }
    // Programs of both names: ours with its link, and ours beside another pgbackrest.
    let ours = state.scratch.make_dir("ours")?;
    std::os::unix::fs::symlink(program.path(), ours.join("pgkeep"))?;
    std::os::unix::fs::symlink("pgkeep", ours.join("pgbackrest"))?;
    let apart = state.scratch.make_dir("apart")?;
    std::os::unix::fs::symlink(program.path(), apart.join("pgkeep"))?;
    std::os::unix::fs::symlink(state.pgbackrest.path(), apart.join("pgbackrest"))?;

    let typed = |keys: &str, bin: &Path| at_shell(&state, shell, bin, keys);
    let whole = &config[..config.len() - 2];
    for name in ["pgkeep", "pgbackrest"] {
        // The line is not run but shown: its beginning is put in front of it at the end.
        let line = format!(
            "{name} --config={whole}\t--stanza=m\trestore --repo2-pa\t/x --typ\tim\t--se\t\t"
        );
        let expected = format!(
            "{name} --config={config} --stanza=main restore --repo2-path=/x --type=immediate --set={label}"
        );
        must_show(&typed(&line, &ours)?, &expected)?;
    }
    // Another program may take other words.
    must_show(
        &typed("pgbackrest --stanz\t=m rest\t", &apart)?,
        "pgbackrest --stanz=m rest",
    )?;
    must_show(
        &typed("pgkeep stanza-u\t--no-onl\t", &apart)?,
        "pgkeep stanza-upgrade --no-online",
    )
}

/// What the terminal shows when the keys are typed, then the line is shown by `echo`.
fn at_shell(state: &State, shell: &Shell, bin: &Path, keys: &str) -> Result<String> {
    let scratch = &state.scratch;
    let home = scratch.path().display().to_string();
    let set_up = shell.set_up.replace('@', &home);
    let keys = scratch.write("keys", format!("{set_up}{keys}\x01echo RAN \nexit\n"))?;
    let line = format!(
        "script -qec '{}' /dev/null < '{}'",
        shell.start,
        keys.display()
    );
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let outcome = run(scratch
        .account()
        .command("sh")
        .args(["-c", &line])
        .current_dir(scratch.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", &home)
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8"))?;
    Ok(outcome.stdout)
}

fn must_show(terminal: &str, expected: &str) -> TestResult {
    let shown = terminal.lines().any(|line| {
        let shown = line.rsplit_once("RAN ").map(|(_, shown)| shown.trim());
        shown == Some(expected)
    });
    match shown {
        true => Ok(()),
        false => Err(format!("no '{expected}' in:\n{}", terminal.escape_debug()).into()),
    }
}
