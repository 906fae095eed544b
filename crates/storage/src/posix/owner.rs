//! Names of users and groups by number, asked of the system once each.
//!
//! A data directory has a million files and two owners; the name service may be an LDAP server.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::info::Owner;

/// Names already asked for; `None` is an answer too.
#[derive(Debug, Default)]
pub(super) struct OwnerNames {
    users: Mutex<HashMap<u32, Option<String>>>,
    groups: Mutex<HashMap<u32, Option<String>>>,
}

impl OwnerNames {
    /// Owner with names, where this machine knows them. Names that are not UTF-8 count as unknown.
    pub(super) fn owner(&self, uid: u32, gid: u32) -> Owner {
        let user = remembered(&self.users, uid, |uid| {
            uzers::get_user_by_uid(uid).and_then(|user| user.name().to_str().map(str::to_owned))
        });
        let group = remembered(&self.groups, gid, |gid| {
            uzers::get_group_by_gid(gid).and_then(|group| group.name().to_str().map(str::to_owned))
        });
        Owner {
            uid,
            gid,
            user,
            group,
        }
    }
}

fn remembered(
    names: &Mutex<HashMap<u32, Option<String>>>,
    id: u32,
    ask: impl FnOnce(u32) -> Option<String>,
) -> Option<String> {
    let mut names = names
        .lock()
        .expect("the map of names is whole even after a panic elsewhere: it is only extended");
    names.entry(id).or_insert_with(|| ask(id)).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_a_name_and_an_unused_number_has_none() {
        let names = OwnerNames::default();
        let known = names.owner(0, 0);
        assert_eq!(
            (known.user.as_deref(), known.group.as_deref()),
            (Some("root"), Some("root"))
        );
        let unknown = names.owner(3_999_999_999, 3_999_999_998);
        assert_eq!((unknown.uid, unknown.gid), (3_999_999_999, 3_999_999_998));
        assert_eq!((unknown.user, unknown.group), (None, None));
    }

    #[test]
    fn each_number_is_asked_once() {
        let names = Mutex::default();
        assert_eq!(
            remembered(&names, 7, |_| Some("seven".into())).as_deref(),
            Some("seven")
        );
        assert_eq!(
            remembered(&names, 7, |_| panic!("asked again")).as_deref(),
            Some("seven")
        );
    }
}
