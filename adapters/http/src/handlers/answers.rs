//! The thread that brings the engine's answers to those who wait for them.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use fsconnector_engine::change::command::{RequestId, Response};

use super::JSON_STACK;
use super::parking::Parking;

/// The way to that thread. Dropped, all who wait are refused, and the thread ends.
pub(super) struct Answers {
    parking: Arc<Parking>,
    /// Its length is bounded by the number of requests that wait.
    mail: Option<Sender<Mail>>,
    thread: Option<JoinHandle<()>>,
}

enum Mail {
    Answer(RequestId, Response),
    GiveUp,
}

impl Answers {
    /// Starts the thread, for the requests in `parking`.
    pub(super) fn start(parking: Arc<Parking>) -> io::Result<Self> {
        let (mail, inbox) = mpsc::channel();
        let thread = thread::Builder::new().name("answers".into()).stack_size(JSON_STACK);
        let thread = thread.spawn({
            let parking = Arc::clone(&parking);
            move || deliver(&inbox, &parking)
        })?;
        Ok(Self { parking, mail: Some(mail), thread: Some(thread) })
    }

    /// Hands over an answer.
    pub(super) fn give(&self, id: RequestId, response: Response) {
        self.post(Mail::Answer(id, response));
    }

    /// Has all refused that wait now or come later.
    pub(super) fn give_up(&self) {
        self.post(Mail::GiveUp);
    }

    /// Tells the log of the requests that were given up and that nobody has answered since.
    pub(super) fn abandon(&self) {
        self.parking.abandon();
    }

    fn post(&self, mail: Mail) {
        if self.mail.as_ref().is_none_or(|open| open.send(mail).is_err()) {
            log::error!("nobody brings the answers to those who wait for them");
        }
    }
}

fn deliver(inbox: &Receiver<Mail>, parking: &Parking) {
    for mail in inbox {
        match mail {
            Mail::Answer(id, response) => match parking.take(id) {
                Some(parked) => parked.answer(response),
                None => parking.settle(id),
            },
            Mail::GiveUp => parking.close(),
        }
    }
    parking.close();
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.mail = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread of the answers panicked");
        }
    }
}
