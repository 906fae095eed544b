//! `restore`: brings a cluster back from a backup.
//!
//! A chosen set is laid out in the data directory, tablespaces and link targets. From the first change on until all is
//! durable there is no `global/pg_control`, so a restore that was interrupted at any moment cannot be started as a
//! cluster, and doing it again finishes it.

use pgkeep_config::Program;
use pgkeep_config::option::Group;
use pgkeep_postgres::PgVersion;
use pgkeep_postgres::data_dir::TABLESPACE_MAP;
use pgkeep_postgres::recovery::{AUTO_CONF, RecoveryTarget};
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::PG_DATA;
use pgkeep_storage::{StoragePath, in_parallel};

use crate::error::{Error, Result};
use crate::hosts::{pg_host, rate_limits, this_host};
use crate::jobs::{self, Buffers, Outcome, Steps};
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::moved::Moved;
use crate::run::progress::Doing;

mod archived;
mod bad_pages;
mod block;
mod block_writer;
mod choose_set;
mod chosen;
mod clean;
mod consent;
mod damage;
mod damage_advice;
mod damaged_file;
mod delta;
mod dry_run;
mod durable;
mod existing;
mod fetch;
mod finish;
mod forecast;
mod job;
mod jobs_ahead;
mod last_line;
mod modes;
mod owner;
mod places;
mod plan;
mod progress;
mod queue;
mod reach;
mod recovery;
mod rehearsal;
mod remap;
mod repository_file;
mod room;
mod selective;
mod sets_on_timeline;
mod settings;
mod stream;
mod target_file;
mod targets;
#[cfg(test)]
mod tests;
mod timeline;
mod validate;
mod wanted_set;
mod worker;

use chosen::Chosen;
use damage::Damage;
use durable::Durable;
use existing::Existing;
use forecast::Forecast;
use jobs_ahead::JobsAhead;
use owner::Owners;
use places::Places;
use plan::Plan;
use progress::{Copied, Progress};
use queue::Queues;
pub use rehearsal::rehearse;
use selective::Zeroed;
use settings::Settings;
use targets::{Found, Targets};
use timeline::{Archive, Line};
use worker::Worker;

/// Restores a cluster.
///
/// # Errors
/// Whatever stood in the way; nothing was changed before the plan was reported, and after that there is no control file.
pub fn run(context: &Context) -> Result<()> {
    pg_host::require_local(context)?;
    let began = context.clock.milliseconds();
    context.summary.stopped("the cluster was not touched");
    let mut settings = Settings::from(context)?;
    let doing = Doing::now(&context.progress, "choosing the backup");
    // Targets may lie anywhere, so the tree is the whole file system.
    let tree = this_host::tree(std::path::Path::new("/"));
    // What stands in the way of a dry run is told with its plan.
    let mut obstacles = Obstacles {
        collect: settings.dry_run,
        found: Vec::new(),
    };
    obstacles.note(validate::not_running(&*tree, &settings))?;
    validate::data_dir(&*tree, &mut settings)?;

    let chosen = choose_set::choose(context, &settings)?;
    if !settings.delta {
        // With delta most of it is there already. Further connections are made while the manifest is read.
        chosen.repository.storage.announce(chosen.repo_size);
    }
    doing.and("reading the manifest");
    let (mut manifest, archive) = load_manifest(context, &chosen, &settings)?;
    validate::manifest(&manifest, &chosen.label)?;
    let version: PgVersion = manifest.pg.version.parse()?;
    let line = timeline::verify(&chosen.repository, &settings, &manifest, version, archive)
        .map_err(|refused| sets_on_timeline::advise(context, &settings, &chosen, refused))?;
    if !manifest.options.online && settings.type_defaulted {
        // Its WAL is in the backup; a server with wal_level=minimal would refuse to recover from the archive.
        settings.target = RecoveryTarget::None;
    }
    // Settings that this version does not know are refused now and not when all is restored.
    let recovery = settings.recovery(version);
    recovery.settings()?;
    log_set(context, &chosen, &manifest);

    remap::remap(&mut manifest, &settings)?;
    let owners = Owners::of(context, &*tree, &settings.data_dir, &manifest)?;
    let zeroed = selective::zeroed(&manifest, &settings, version)?;
    let places = Places::of(&manifest, &settings.data_dir);
    obstacles.note(bad_pages::refuse(&settings, &manifest, &places, &zeroed))?;

    let targets = Targets {
        context,
        settings: &settings,
        manifest: &manifest,
        owners: &owners,
        tree: &*tree,
        version,
    };
    doing.and("looking at what is there");
    let mut found = obstacles.note(targets.examine())?.unwrap_or_default();
    doing.and("asking the archive how far it leads");
    let plan = make_plan(&targets, &chosen, (&places, &zeroed), &found, line)?;
    drop(doing);
    if settings.dry_run {
        return dry_run::print(&plan, obstacles.found);
    }
    plan.report();
    plan.consent()?;
    drop(plan);
    // Before the new cluster can archive anything.
    clear_spool(&settings)?;
    context.summary.unfinished(last_line::unfinished(&settings));
    let doing = Doing::now(&context.progress, "making the directories ready");
    clean::clean(&targets, &places, &mut found)?;
    drop_unrestored(&mut manifest, &settings, version);

    let durable = Durable::begin(&manifest, &places, &found)?;
    let worker = Worker {
        context,
        settings: &settings,
        manifest: &manifest,
        repository: &chosen.repository,
        places: &places,
        owners: &owners,
        zeroed: &zeroed,
        tree: &*tree,
        sync_files: durable.sync_files(),
        damage: Damage::default(),
        buffers: Buffers::default(),
        moved: Moved::new(&chosen.repository.storage),
        limit: rate_limits::of_cluster(context, context.config.default_key(Group::Pg)),
    };
    drop(doing);
    let copied = copy_files(&worker).map_err(|error| {
        damage_advice::advise(context, &settings, &chosen, &worker.damage, error)
    })?;
    let _doing = Doing::now(&context.progress, "making the cluster durable");
    recovery::write(context, &*tree, &places, &recovery)?;
    finish::finish(&worker, &durable, version, &found)?;
    log::info!(
        "restore size = {}, file total = {}",
        size_text(copied.size),
        manifest.file_count()
    );
    let milliseconds = context.clock.milliseconds() - began;
    last_line::note(&context.summary, &worker, &copied);
    context
        .summary
        .done(last_line::text(&worker, &copied, milliseconds));
    let bad_files = copied.bad_files;
    if bad_files > 0 {
        log::warn!(
            "restore command encountered page checksum error(s) in {bad_files} file(s), check the log file for details"
        );
    }
    Ok(())
}

/// Errors that end a restore, and of which a dry run goes on to tell.
struct Obstacles {
    collect: bool,
    found: Vec<Error>,
}

impl Obstacles {
    fn note<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.collect && !error.is_about_the_storage() => {
                self.found.push(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Gathers what is about to happen. Under the name pgbackrest nothing is asked for it, as pgBackRest asks nothing.
fn make_plan<'a>(
    targets: &Targets<'a>,
    chosen: &'a Chosen,
    (places, zeroed): (&Places, &Zeroed),
    found: &[Found],
    line: Option<Line>,
) -> Result<Plan<'a>> {
    let (context, settings, manifest) = (targets.context, targets.settings, targets.manifest);
    let ours = context.config.program() == Program::PgKeep;
    let (mut forecast, mut existing, mut rooms) = (None, Existing::default(), Vec::new());
    if ours {
        forecast = Forecast::ask(context, settings, manifest, line)?;
    }
    if ours || log::log_enabled!(target: crate::DETAIL, log::Level::Debug) {
        let at = (places, targets.tree);
        existing = Existing::examine(context, settings, manifest, at, found, targets.version)?;
        rooms = room::measure(manifest, zeroed, &existing);
    }
    Ok(Plan {
        context,
        settings,
        chosen,
        manifest,
        forecast,
        existing,
        rooms,
    })
}

/// Loads the manifest, and asks the archive what the check of the timeline wants to know.
fn load_manifest(
    context: &Context,
    chosen: &Chosen,
    settings: &Settings,
) -> Result<(Manifest, Option<Archive>)> {
    let (repository, pass) = (&chosen.repository, chosen.manifest_pass.as_ref());
    let storage = &*repository.storage;
    let ask = |id| Archive::ask(repository, settings, id);
    in_parallel(
        storage,
        || {
            Manifest::load(storage, &settings.stanza, &chosen.label, pass).map_err(|error| {
                damage_advice::advise_of_manifest(context, settings, chosen, error.into())
            })
        },
        || Ok(chosen.archive_id.as_ref().map(ask)),
    )
}

/// Removes what asynchronous archiving knows of the old cluster: its acknowledgements could keep segments of the new one
/// out of the archive.
fn clear_spool(settings: &Settings) -> Result<()> {
    let path = StoragePath::from("archive").join(settings.stanza.as_str());
    this_host::tree(&settings.spool_path).remove_tree(&path)?;
    Ok(())
}

fn log_set(context: &Context, chosen: &Chosen, manifest: &Manifest) {
    let mut line = format!(
        "{}: restore backup set {}",
        chosen.repository.name(),
        chosen.label
    );
    if manifest.options.online {
        let start = context.clock.local_text(manifest.backup.timestamp_start);
        line.push_str(&format!(", recovery will start at {start}"));
    }
    log::info!("{line}");
}

/// Takes files out of the manifest that are in the backup but must not be restored.
fn drop_unrestored(manifest: &mut Manifest, settings: &Settings, version: PgVersion) {
    let in_data_dir = |name: &str| [PG_DATA, b"/", name.as_bytes()].concat();
    if manifest.remove_file(&in_data_dir(TABLESPACE_MAP)) {
        crate::detail!(
            "skip '{TABLESPACE_MAP}' -- tablespace links will be created based on mappings"
        );
    }
    let preserved =
        version.has_recovery_settings_in_conf() && settings.target == RecoveryTarget::Preserve;
    if preserved && manifest.remove_file(&in_data_dir(AUTO_CONF)) {
        crate::detail!("skip '{AUTO_CONF}' -- recovery type is preserve");
    }
}

/// Restores all files with as many workers as asked for.
fn copy_files(worker: &Worker<'_>) -> Result<Copied> {
    let queues = Queues::of(worker.manifest);
    let mut progress = Progress::begin(worker, queues.total)?;
    let mut jobs = JobsAhead::new(worker, queues);
    jobs::run(
        worker.settings.pool,
        &worker.context.cancel,
        &|job| worker.restore(job).map(Outcome::Done),
        Steps {
            next: &mut |index| Ok(jobs.next(index)),
            done: &mut |job, results, process| progress.finished(&job, &results, process),
            tick: &mut || Ok(()),
        },
    )?;
    Ok(progress.end())
}
