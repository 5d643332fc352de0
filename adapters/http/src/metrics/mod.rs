//! What the gate tells whoever measures it, in OpenMetrics. What happens is counted where it happens; how much there is of
//! something is looked up when somebody asks.
//!
//! No label says who somebody is, and clients add none: there are as many series as there are routes, statuses and lanes.

mod standing;
mod subject;
mod tally;

pub(crate) use standing::Lanes;
pub(crate) use subject::{Subject, Topic};
pub(crate) use tally::{Open, Tally};
