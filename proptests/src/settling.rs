//! The end of a run: all faults are over, people repair what they broke, and everything has to come to rest.

use std::time::Duration;

use fsconnector_disk::{Edit, Editing, Tree, TreePath};
use fsconnector_engine::esl::session::Line;
use serde_json::json;

use crate::invariants::Violation;
use crate::requests::{Ask, Operation};
use crate::scene::{Crash, Plan};
use crate::tree::is_sound;
use crate::view::View;
use crate::world::{Step, World};

/// How long everything may take to come to rest: longer than each deadline, twice.
const LONG: Duration = Duration::from_secs(200);

/// How long it may take until everything rests for a while.
const SHORT: Duration = Duration::from_secs(60);

/// No two things that belong together are further apart in the switch.
const SLOWEST: Duration = Duration::from_secs(3);

impl World {
    /// Ends all faults, and lets everything happen that is on its way. In the end engine, switch and tree agree.
    pub fn settle(&mut self) -> Result<(), Violation> {
        self.step(Step::Freeze(false))?;
        self.step(Step::Space(None))?;
        self.come_to_rest()?;
        let is_torn = self.scene.borrow().ledger.is_torn();
        if !is_torn {
            expect("a switch with a broken tree is shown as it is", self.differs_from_switch())?;
        }
        for path in self.broken_files() {
            self.step(Step::Edit(Edit { path, editing: Editing::Remove, synced: true }))?;
        }
        if is_torn || self.active().is_none() {
            self.step(Step::Reload)?;
        }
        self.come_to_rest()?;
        expect("in the end nothing is under way", self.restless())?;
        expect("in the end the switch has what is in the tree", self.switch_differs_from_tree())?;
        self.clean_up()?;
        self.step(Step::Reload)?;
        self.come_to_rest()?;
        expect("in the end the switch has what is in the tree", self.switch_differs_from_tree())?;
        expect("in the end readers see what the switch has", self.differs_from_switch())?;
        self.step(Step::Rest)?;
        self.works_again()
    }

    /// Lets things happen until nothing more does, but for heartbeats.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        let end = self.now.mono.after(LONG);
        while self.now.mono < end {
            self.step(Step::Start(Plan::new()))?;
            self.step(Step::Late)?;
            while let Some(step) = self.next_on_the_way() {
                self.step(step)?;
            }
            if self.restless().is_none() {
                return Ok(());
            }
            let wait = self.deadline().0.saturating_sub(self.now.mono.0).div_ceil(1000).max(1);
            self.step(Step::Pass(wait))?;
        }
        Ok(())
    }

    /// Lets things happen until nothing is left to be done, and looks whether those who listen have it right. That can be
    /// impossible for now: the switch hangs, or the disk does not work.
    pub(crate) fn rest(&mut self) -> Result<(), Violation> {
        let end = self.now.mono.after(SHORT);
        while self.connector.is_some() && self.now.mono < end && !self.scene.borrow().switch.faults.frozen {
            self.step(Step::Late)?;
            while let Some(step) = self.next_on_the_way() {
                self.step(step)?;
            }
            if self.restless().is_none() && self.is_switch_at_rest() {
                return self.compare();
            }
            let wait = self.deadline().0.saturating_sub(self.now.mono.0).div_ceil(1000).max(1);
            self.step(Step::Pass(wait))?;
        }
        Ok(())
    }

    /// Whether the switch has nothing to do but heartbeats.
    fn is_switch_at_rest(&self) -> bool {
        self.scene.borrow().switch.deadline() > self.now.mono.after(SLOWEST).0
    }

    /// Something that is on its way.
    fn next_on_the_way(&self) -> Option<Step> {
        let connector = self.connector.as_ref()?;
        if !connector.made_up.is_empty() || !connector.results.is_empty() {
            return Some(Step::Result);
        }
        if !connector.works.is_empty() {
            return Some(Step::Disk(Plan::new()));
        }
        let pair = connector.pair.as_ref()?;
        let lines = [Line::Control, Line::Events];
        let to_switch = lines.into_iter().find(|line| !pair.wire_of(*line).to_switch.is_empty());
        let to_connector = lines.into_iter().find(|line| pair.wire_of(*line).is_readable());
        to_switch
            .map(|line| Step::ToSwitch(line, usize::MAX))
            .or(to_connector.map(|line| Step::ToConnector(line, usize::MAX)))
    }

    /// What is still under way.
    fn restless(&self) -> Option<String> {
        let Some(connector) = &self.connector else { return Some("the connector does not run".into()) };
        if let Some((number, sent)) = connector.waiting.first_key_value() {
            return Some(format!("request {number} waits: {:?}", sent.ask));
        }
        if !connector.engine.is_at_rest() {
            return Some("the engine is at work".into());
        }
        let connected = self.state().is_some_and(|state| state.info.connected);
        (!connected).then(|| "the switch is not connected".into())
    }

    /// What could not be removed when the disk did not work is removed by the next start, but for the journal: of that
    /// nothing may be left.
    fn clean_up(&mut self) -> Result<(), Violation> {
        let journal = self.litter().filter(|path| path.contains("journal"));
        expect("in the end no journal is left", journal)?;
        if self.litter().is_some() {
            self.step(Step::Crash(Crash::Kill))?;
            self.come_to_rest()?;
        }
        expect("in the end nothing is left behind", self.litter())
    }

    fn litter(&self) -> Option<String> {
        self.scene.borrow().hidden().first().map(ToString::to_string)
    }

    /// What readers see, if it is not what the switch has.
    fn differs_from_switch(&self) -> Option<String> {
        let active = self.active()?;
        let seen = self.seen();
        (seen.as_ref() != Some(&active)).then(|| format!("readers see {seen:?}, and the switch has {active:?}"))
    }

    /// What the switch has, if a reload would make it something else that nobody has edited by hand since the last one.
    fn switch_differs_from_tree(&self) -> Option<String> {
        let scene = self.scene.borrow();
        let edited = |number: &str| scene.ledger.is_unloaded(number);
        let tree = View::of_disk(&scene.model, &self.config).map(|view| view.without(edited));
        let active = self.active().map(|view| view.without(edited));
        (tree != active).then(|| format!("the switch has {active:?}, and the tree {tree:?}"))
    }

    fn broken_files(&self) -> Vec<TreePath> {
        let scene = self.scene.borrow();
        let by_hand = scene.ledger.by_hand().filter(|(path, _)| path.tree == Tree::Configuration);
        let unsound = by_hand.filter(|(_, content)| !is_sound(content));
        // What stands where a folder has to be is in nobody's way any more, either.
        let odd =
            scene.ledger.by_hand().filter(|(path, _)| path.tree == Tree::Static && path.path.names().count() == 2);
        unsound
            .chain(odd.filter(|(path, _)| !path.path.as_str().starts_with("store/")))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// A request of somebody whom nobody has in the way is carried out.
    fn works_again(&mut self) -> Result<(), Violation> {
        let before = self.scene.borrow().history.len();
        let item = json!({ "name": "the last one", "email": "last@example.org", "context": "friends" });
        self.step(Step::Ask(Ask { operation: Operation::AddUsers, items: vec![item] }))?;
        self.come_to_rest()?;
        expect("in the end requests are answered", self.restless())?;
        let free =
            |state: &fsconnector_engine::state::State| state.free.get(1).is_some_and(|free| free.users.count() > 0);
        let there = self.seen().is_some_and(|view| view.users.values().any(|user| user[4] == "last@example.org"));
        let had_room = self.state().is_some_and(free) || self.scene.borrow().history.len() > before;
        expect("in the end requests are carried out", (had_room && !there).then(|| format!("{:?}", self.seen())))?;
        expect("in the end the switch has what is in the tree", self.switch_differs_from_tree())?;
        expect("in the end nothing is left behind", self.litter())
    }
}

fn expect(invariant: &'static str, misfit: Option<String>) -> Result<(), Violation> {
    misfit.map_or(Ok(()), |what| Err(Violation { invariant, what }))
}
