//! Who the switch says it is, and the numbers it invents.

use std::fmt;

use crate::config::Globals;

/// What is the same for the whole life of a switch, and shows in its events and variables.
#[derive(Clone)]
pub struct Identity {
    /// The computer's name.
    pub hostname: String,
    /// Its address.
    pub ipv4: String,
    /// Its address in IPv6.
    pub ipv6: String,
    /// The absolute path of the configuration, without a slash at its end: `$${conf_dir}`.
    pub conf_dir: String,
    /// The password of the event socket.
    pub password: String,
    /// What the invented UUIDs are made from. The same seed gives the same ones.
    pub seed: u64,
    /// Microseconds between two HEARTBEAT events.
    pub heartbeat: u64,
    /// Whether a user can be registered with several phones at once. Otherwise the newest replaces the others.
    pub several_registrations: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Identity {
            hostname: "switch".to_owned(),
            ipv4: "127.0.0.1".to_owned(),
            ipv6: "::1".to_owned(),
            conf_dir: "/etc/freeswitch".to_owned(),
            password: "ClueCon".to_owned(),
            seed: 1,
            heartbeat: 20_000_000,
            several_registrations: false,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("hostname", &self.hostname).field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Identity {
    /// The variables that are set before any file is read.
    pub(super) fn globals(&self, core_uuid: &str) -> Globals {
        let Identity { hostname, ipv4, ipv6, conf_dir, .. } = self;
        let listing = format!(
            "hostname={hostname}\nlocal_ip_v4={ipv4}\nlocal_mask_v4=255.255.255.0\nlocal_ip_v6={ipv6}\nbase_dir=/usr\n\
             recordings_dir=/var/lib/freeswitch/recordings\nsound_prefix=/usr/share/freeswitch/sounds/en/us/callie\n\
             sounds_dir=/usr/share/freeswitch/sounds\nconf_dir={conf_dir}\nlog_dir=/var/log/freeswitch\n\
             run_dir=/run/freeswitch\ndb_dir=/var/lib/freeswitch/db\ntemp_dir=/tmp\n\
             storage_dir=/var/lib/freeswitch/storage\ncore_uuid={core_uuid}\n"
        );
        Globals::from_listing(listing.as_bytes())
    }
}

/// An endless row of numbers that look random, and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    state: u64,
}

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Numbers { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A UUID of version 4.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let third = 0x4000 | (high & 0x0FFF);
        let fourth = 0x8000 | (low >> 48 & 0x3FFF);
        format!(
            "{:08x}-{:04x}-{third:04x}-{fourth:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xFFFF,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_uuids_again() {
        let uuids = |seed| {
            let mut numbers = Numbers::new(seed);
            [numbers.uuid(), numbers.uuid()]
        };
        assert_eq!(uuids(1), uuids(1));
        assert_ne!(uuids(1), uuids(2));
        let [uuid, other] = uuids(1);
        assert_ne!(uuid, other);
        assert_eq!(uuid.len(), 36);
    }
}
