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
    /// Hear the live state of the conferences that one may see.
    Listen,
    /// Control those conferences.
    ControlConferences,
}

/// The rights, each with the roles that have it.
const TABLE: [(Right, &[Role]); 9] = {
    use Role::{Admin, Guest, Member};
    [
        (Right::Administer, &[Admin]),
        (Right::ReadFriends, &[Admin, Member]),
        (Right::ReadPublic, &[Admin, Member, Guest]),
        (Right::ReadOwn, &[Admin, Member, Guest]),
        (Right::KeepFriendsRecordings, &[Admin, Member]),
        (Right::Provision, &[Admin, Member, Guest]),
        (Right::ReadPages, &[Admin, Member, Guest]),
        (Right::Listen, &[Admin, Member, Guest]),
        (Right::ControlConferences, &[Admin, Member]),
    ]
};

impl Role {
    /// Whether this role has `right`.
    pub fn may(self, right: Right) -> bool {
        TABLE.iter().any(|(entry, roles)| *entry == right && roles.contains(&self))
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// All of them.
    pub const ALL: Self = Self(0b111);

    /// Just this one.
    pub const fn only(role: Role) -> Self {
        Self(1 << role as u8)
    }

    /// Those who may see what belongs to a context of this role: its own, and each above it.
    pub const fn who_see(role: Role) -> Self {
        Self((1 << (role as u8 + 1)) - 1)
    }

    /// Whether `role` is one of them.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & Self::only(role).0 != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in this one only.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_guests_everybody_sees_and_what_is_the_admins_nobody_else() {
        let seen_by = |role| [Role::Admin, Role::Member, Role::Guest].map(|other| Roles::who_see(role).contains(other));
        assert_eq!(seen_by(Role::Admin), [true, false, false]);
        assert_eq!(seen_by(Role::Member), [true, true, false]);
        assert_eq!(seen_by(Role::Guest), [true, true, true]);
        assert_eq!(Roles::who_see(Role::Guest), Roles::ALL);
    }

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
            Right::Listen,
            Right::ControlConferences,
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
        assert!(!Role::Guest.may(Right::ControlConferences));
    }
}
