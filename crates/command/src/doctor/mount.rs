//! Whether what belongs at the path of a local repository is mounted. A mount point without its file system is an empty
//! directory of root, which looks like a repository with wrong permissions that was never created.

use std::path::{Path, PathBuf};

use pgkeep_config::shell_word;
use pgkeep_storage::{ListOptions, Storage, StoragePath};

use super::check::MOUNT;
use super::mount_table::{MountTable, Wanted, resolved};
use super::settings::RepoSettings;
use crate::hosts::this_host;
use crate::report::advice;
use crate::report::finding::{Finding, Subject};
use crate::run::Context;

/// What was found of the place of a local repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// Probably not mounted: nothing else can be said of the repository.
    Absent(Finding),
    /// To be reported beside the rest.
    Present(Finding),
    /// It does not exist, and nothing says that something should be mounted.
    Missing,
}

/// `used`: a sign that the repository was in use before, as part of a sentence.
pub(super) fn examine(
    context: &Context,
    settings: &RepoSettings,
    used: Option<&str>,
) -> Conclusion {
    let path = resolved(Path::new(&settings.path));
    let (at, empty) = nearest(&path);
    // After the directory was listed: that mounts what is mounted when somebody comes by.
    let table = MountTable::of_host();
    let stanza = context.config.stanza().unwrap_or("NAME");
    Seen {
        missing: at != path,
        path: &settings.path,
        at: &at,
        empty,
        used,
        make: format!(
            "install -d -o {} -m 750 {}",
            context.user.name,
            shell_word(&settings.path)
        ),
        create: advice::pgkeep(stanza, "stanza-create"),
    }
    .conclude(
        &Subject::default().repo(settings.key),
        table.missing(&path),
        table.holding(&at),
    )
}

/// The directory itself or the nearest one above it that exists, and whether it is empty, the directory of lost files aside.
fn nearest(path: &Path) -> (PathBuf, bool) {
    let mut path = path.to_path_buf();
    loop {
        match this_host::directory(&path).list(&StoragePath::root(), &ListOptions::default()) {
            Ok(None) if path.pop() => {}
            Ok(Some(entries)) => {
                let mut names = entries.iter().map(|entry| entry.name.as_os_str());
                let empty = names.all(|name| name == "lost+found");
                return (path, empty);
            }
            _ => return (path, false),
        }
    }
}

/// The place of a repository.
struct Seen<'a> {
    /// As configured.
    path: &'a str,
    missing: bool,
    /// The nearest directory that exists, links followed.
    at: &'a Path,
    /// Of that directory.
    empty: bool,
    used: Option<&'a str>,
    /// Commands for a new repository.
    make: String,
    create: String,
}

impl Seen<'_> {
    /// `wanted`: a mount point on the way that is not mounted; `holding`: the one that is.
    fn conclude(
        &self,
        subject: &Subject,
        wanted: Option<&Wanted>,
        holding: Option<&Path>,
    ) -> Conclusion {
        if let Some(wanted) = wanted {
            return self.unmounted(subject, wanted);
        }
        let (path, at) = (self.path, self.at.display());
        let is_point = holding == Some(self.at) && self.at != Path::new("/");
        let new = match self.missing {
            true => &self.make,
            false => &self.create,
        };
        let mend = format!(
            "mount what belongs there (compare lsblk -f and findmnt -T {}); only if the repository is to be new: {new}",
            shell_word(&at.to_string())
        );
        let state = match (self.missing, is_point) {
            (true, true) => {
                format!("'{path}' does not exist, and the file system mounted at '{at}' is empty")
            }
            (true, false) => format!("'{path}' does not exist, and '{at}' is empty"),
            (false, true) => format!("the file system mounted at '{at}' is empty"),
            (false, false) => format!("'{path}' is empty and nothing is mounted there"),
        };
        match (self.empty, self.used) {
            (true, Some(used)) => {
                Conclusion::Absent(subject.fail(&MOUNT, format!("{state}, but {used}"), mend))
            }
            (true, None) if self.missing && is_point => {
                Conclusion::Absent(subject.fail(&MOUNT, state, mend))
            }
            _ if self.missing => Conclusion::Missing,
            _ => {
                let seen = match holding {
                    Some(point) if point != Path::new("/") => {
                        format!("on the file system mounted at '{}'", point.display())
                    }
                    _ => "on the root file system; nothing else is to be mounted there".to_owned(),
                };
                Conclusion::Present(subject.ok(&MOUNT, seen))
            }
        }
    }

    fn unmounted(&self, subject: &Subject, Wanted { point, by }: &Wanted) -> Conclusion {
        let point = point.display();
        let seen = format!("'{point}' is not mounted, though {by} names it");
        let mend = format!("mount {}", shell_word(&point.to_string()));
        if self.missing || self.empty {
            return Conclusion::Absent(subject.fail(&MOUNT, seen, mend));
        }
        let seen = format!(
            "{seen}: what '{}' holds now will be hidden when it is mounted",
            self.path
        );
        let mend = format!("move away what was stored meanwhile, then: {mend}");
        Conclusion::Present(subject.warn(&MOUNT, seen, mend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    const USED: Option<&str> = Some("the cluster has archived WAL");

    fn seen<'a>(missing: bool, empty: bool, used: Option<&'a str>) -> Seen<'a> {
        Seen {
            path: "/backup/repo",
            missing,
            at: Path::new(if missing { "/backup" } else { "/backup/repo" }),
            empty,
            used,
            make: "install -d /backup/repo".to_owned(),
            create: "pgkeep stanza-create".to_owned(),
        }
    }

    fn grade(conclusion: &Conclusion) -> Option<(bool, Grade)> {
        match conclusion {
            Conclusion::Absent(finding) => Some((true, finding.grade)),
            Conclusion::Present(finding) => Some((false, finding.grade)),
            Conclusion::Missing => None,
        }
    }

    #[test]
    fn an_empty_place_is_taken_for_unmounted_where_something_says_so() {
        let wanted = Wanted {
            point: PathBuf::from("/backup"),
            by: "/etc/fstab".to_owned(),
        };
        let root = Some(Path::new("/"));
        let point = Some(Path::new("/backup"));
        let absent = Some((true, Grade::Fail));
        let present = Some((false, Grade::Ok));
        for (missing, empty, used, wanted, holding, expected) in [
            // Named by fstab and not mounted.
            (true, true, None, Some(&wanted), root, absent),
            (true, false, None, Some(&wanted), root, absent),
            (false, true, None, Some(&wanted), root, absent),
            // Backups went below the mount point.
            (
                false,
                false,
                USED,
                Some(&wanted),
                root,
                Some((false, Grade::Warn)),
            ),
            // Nothing is known of a mount: a new repository, unless it was in use.
            (false, true, None, None, root, present),
            (false, true, USED, None, root, absent),
            (false, false, USED, None, root, present),
            (true, true, None, None, root, None),
            (true, true, USED, None, root, absent),
            (true, false, USED, None, root, None),
            // The wrong file system is mounted.
            (true, true, None, None, point, absent),
            (true, false, None, None, point, None),
        ] {
            let conclusion =
                seen(missing, empty, used).conclude(&Subject::default(), wanted, holding);
            let case = format!("{missing} {empty} {used:?} {wanted:?} {holding:?}");
            assert_eq!(grade(&conclusion), expected, "{case}");
            // A finding never proposes to change owners, and to create only after mounting.
            if let Conclusion::Absent(finding) | Conclusion::Present(finding) = conclusion {
                assert!(!finding.mend.contains("chown"), "{case}");
                let mount = finding.mend.find("mount").unwrap_or(usize::MAX);
                for command in ["stanza-create", "install -d"] {
                    assert!(
                        finding.mend.find(command).is_none_or(|at| at > mount),
                        "{case}"
                    );
                }
            }
        }
    }
}
