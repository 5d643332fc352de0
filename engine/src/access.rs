//! Who may do what: one table.

use std::fmt;

/// What the users of a context are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May do everything.
    Admin,
    /// Sees its own data, and the lists and recordings that are not the admins'.
    Member,
    /// Sees its own data and the public lists.
    Guest,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Guest => "guest",
        })
    }
}

/// What somebody may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read and change users, conferences and the configuration.
    Administer,
    /// Read the list of all users with their addresses, and of the conferences outside the admin context.
    ReadFriends,
    /// Read the list of all users' names and numbers, and of the public conferences.
    ReadPublic,
    /// Read one's own data.
    ReadOwn,
    /// Read and remove the recordings of conferences outside the admin context.
    KeepFriendsRecordings,
    /// Read the provisioning of one's own phones, and put there what they upload.
    Provision,
    /// Read the start page and what belongs to it.
    ReadPages,
}

/// The rights, each with the roles that have it.
const TABLE: [(Right, &[Role]); 7] = {
    use Role::{Admin, Guest, Member};
    [
        (Right::Administer, &[Admin]),
        (Right::ReadFriends, &[Admin, Member]),
        (Right::ReadPublic, &[Admin, Member, Guest]),
        (Right::ReadOwn, &[Admin, Member, Guest]),
        (Right::KeepFriendsRecordings, &[Admin, Member]),
        (Right::Provision, &[Admin, Member, Guest]),
        (Right::ReadPages, &[Admin, Member, Guest]),
    ]
};

impl Role {
    /// Whether this role has `right`.
    pub fn may(self, right: Right) -> bool {
        TABLE.iter().any(|(entry, roles)| *entry == right && roles.contains(&self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_in_the_table_and_the_admin_has_it() {
        for right in [
            Right::Administer,
            Right::ReadFriends,
            Right::ReadPublic,
            Right::ReadOwn,
            Right::KeepFriendsRecordings,
            Right::Provision,
            Right::ReadPages,
        ] {
            assert!(Role::Admin.may(right), "{right:?}");
        }
    }

    #[test]
    fn members_and_guests_do_not_administer_and_guests_do_not_see_friends() {
        assert!(!Role::Member.may(Right::Administer));
        assert!(!Role::Guest.may(Right::Administer));
        assert!(Role::Member.may(Right::ReadFriends));
        assert!(!Role::Guest.may(Right::ReadFriends));
    }
}
