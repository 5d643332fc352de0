//! Who may listen to the live state, and the tickets for it.

use std::net::IpAddr;
use std::time::Duration;

use fsconnector_engine::live::listener::Listener;
use fsconnector_engine::state::Users;
use fsconnector_engine::time::Mono;
use http::StatusCode;
use serde::Serialize;

use super::Gate;
use super::client::Client;
use super::decision::{Outcome, Switch, attempt};
use super::handshake;
use super::head::Head;
use crate::answer::Answer;
use crate::auth::{Caller, Judgement, Verdict};
use crate::live::{Login, NoSeat, NoTicket};
use crate::problem::Problem;
use crate::target;

impl Gate {
    /// Judges who wants to listen: by what the query says, or else by the `Authorization` header. A page of another web
    /// site is not judged at all: it could try passwords until its visitor is locked out. As what it embeds tells nothing of
    /// where it comes from, only a handshake is judged by its query.
    pub(super) fn judge_listener<'s>(
        &self,
        head: &Head<'_>,
        users: &'s Users,
        client: Client<'_>,
        now: Mono,
    ) -> Result<Judgement<'s>, Problem> {
        if self.cors.is_foreign(head, client) {
            return Err(foreign());
        }
        let login = Login::parse(target::query(head.target));
        if login != Login::Absent {
            handshake::check_wish(head)?;
        }
        match login {
            Login::Password(candidates) => {
                Ok(self.authenticator.judge_passwords(users, &candidates, client.address, now))
            }
            Login::Ticket(ticket) => {
                let caller = self.live.tickets.redeem(ticket, users, now);
                let verdict = caller.map_or(Verdict::Unproven { stale: false }, Verdict::Known);
                Ok(Judgement { verdict, delay: Duration::ZERO })
            }
            Login::Absent => Ok(self.authenticator.judge(users, attempt(head, client.address), now)),
            Login::Unclear => {
                Err(Problem::new(StatusCode::BAD_REQUEST, "there has to be one `login` or one `ticket`, not more"))
            }
        }
    }

    /// Lets a listener in, if its handshake is in order and there is room.
    pub(super) fn let_in(&self, head: &Head<'_>, caller: Caller<'_>, address: IpAddr) -> Result<Outcome, Problem> {
        let answer = handshake::accept(head)?;
        let listener = Listener { user: caller.user.clone(), address };
        let guest = self.live.welcome(listener, caller.role).map_err(no_seat)?;
        Ok(Outcome::Switch(Box::new(Switch { answer, guest })))
    }

    /// A ticket for the caller.
    pub(super) fn ticket(&self, caller: Caller<'_>, now: Mono) -> Result<Answer, Problem> {
        #[derive(Serialize)]
        struct Body<'a> {
            op: &'static str,
            ticket: &'a str,
            expires: u64,
        }
        let tickets = &self.live.tickets;
        let ticket = tickets.issue(caller.user, now).map_err(no_ticket)?;
        let body = Body { op: "live/ticket", ticket: &ticket, expires: tickets.time().as_secs() };
        // Numbers and strings cannot fail to serialise.
        Ok(Answer::json(serde_json::to_vec(&body).unwrap_or_default().into()))
    }
}

/// 403 for a page of another web site.
fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "another web site may not listen here")
}

fn no_seat(no_seat: NoSeat) -> Problem {
    match no_seat {
        NoSeat::ForAnybody => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many are listening"),
        NoSeat::ForThisUser => Problem::new(StatusCode::TOO_MANY_REQUESTS, "this user is listening too often"),
    }
    .retry_after(Problem::PAUSE)
}

fn no_ticket(no_ticket: NoTicket) -> Problem {
    match no_ticket {
        NoTicket::TooMany => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many tickets are not used yet"),
        NoTicket::NoRandomness => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there are no random numbers"),
    }
    .retry_after(Problem::PAUSE)
}
