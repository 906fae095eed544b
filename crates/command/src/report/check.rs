//! A check of `doctor` or `sftp-audit`: what is looked at, and what it means when it is not in order.
//!
//! Each command declares its own with [`checks!`]; its guide has a section for each, which its tests compare.

/// One thing that is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Name for programs and headings.
    pub(crate) name: &'static str,
    /// What is looked at, in a few words.
    pub(crate) title: &'static str,
    /// What it means that this is not in order.
    pub(crate) means: &'static str,
    /// The setting or command that mends it; empty if that depends on what was seen.
    pub(crate) mend: &'static str,
}

/// Declares checks: `NAME = "name", "title", "what it means."` and, if it is always the same, what mends it.
macro_rules! checks {
    ($($id:ident = $name:literal, $title:literal, $means:literal $(, $mend:literal)?;)*) => {
        $(
            pub(super) static $id: $crate::report::check::Check = $crate::report::check::Check {
                name: $name,
                title: $title,
                means: $means,
                mend: concat!($($mend)?),
            };
        )*

        /// Every check, in the order of the guide.
        #[cfg(test)]
        pub(super) static ALL: &[&$crate::report::check::Check] = &[$(&$id,)*];
    };
}

pub(crate) use checks;

/// Fails unless each check says something of its own and the guide has a section for it, in order.
#[cfg(test)]
pub(crate) fn assert_described(checks: &[&Check], guide: &str) {
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    let mut different = names.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), checks.len());
    for check in checks {
        let says = check.means.ends_with('.') && !check.title.is_empty();
        assert!(says, "{}", check.name);
    }
    let sections: Vec<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.split('`').next())
        .collect();
    assert_eq!(sections, names);
}
