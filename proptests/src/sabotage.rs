//! Connectors that lack something. The world has to find that out; a test shows that it does.

/// What a connector lacks. It is taken away outside of the connector's own code: from the operations that it sees, from
/// the effects and from the answers as they pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing is ever synced.
    Sync,
    /// Files are not put back.
    Undo,
    /// The switch is not told to reload after files were put back.
    ReloadAfterUndo,
    /// Whatever the switch says of a reload, it passes for success.
    ReloadCheck,
    /// Whether a file is as it was read is not looked at before it is replaced.
    UnchangedCheck,
    /// The journal names no file of the static tree.
    Journal,
    /// A restore removes no file.
    Removal,
    /// What the owner of a phone has put into its directory is not kept.
    Entries,
    /// No frame tells of members who leave.
    Leaving,
    /// Every frame is for all roles.
    Hearers,
    /// Every reply to a listener is given twice.
    Replies,
    /// Listeners are not closed.
    Closing,
    /// Guests pass for admins.
    Guests,
    /// After a reconnect nobody is told everything anew.
    Renewal,
    /// Some events of the switch get lost.
    Events,
    /// Nobody hears of phones that go.
    Phones,
    /// The switch's listings of conferences are those before the last.
    Listing,
    /// When a recording has begun, everybody is told something else.
    Announcement,
    /// Every recording is ordered twice.
    Recorder,
    /// Members are mistaken for others.
    Members,
    /// Names with blanks are not quoted.
    Quotes,
}
