//! Runs: steps made up from a seed.

use fsconnector_engine::esl::session::Line;
use fsconnector_simulator::Identity;

use crate::archives;
use crate::chance::Chance;
use crate::invariants::Violation;
use crate::live::People;
use crate::phones;
use crate::requests::Ask;
use crate::sabotage::Sabotage;
use crate::scene::{Crash, Happening, Plan};
use crate::tree;
use crate::world::{Step, World};

/// What runs are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Play {
    /// Files, and nobody calls.
    Files,
    /// Calls, and files as well.
    Calls,
}

/// Makes up to `steps` steps up from `seed`, then lets everything settle.
pub fn run(play: Play, seed: u64, steps: usize, sabotage: Option<Sabotage>) -> Result<(), Violation> {
    carry_out(&mut World::with(identity(play, seed), sabotage)?, play, seed, steps)
}

/// The same, with everything written down that happens.
pub fn traced(play: Play, seed: u64, steps: usize) -> (Result<(), Violation>, Vec<String>) {
    match World::with(identity(play, seed), None) {
        Err(violation) => (Err(violation), Vec::new()),
        Ok(mut world) => {
            world.trace();
            (carry_out(&mut world, play, seed, steps), world.traced())
        }
    }
}

/// Every other switch lets users have several phones.
fn identity(play: Play, seed: u64) -> Identity {
    Identity { several_registrations: play == Play::Calls && !seed.is_multiple_of(2), ..Identity::default() }
}

fn carry_out(world: &mut World, play: Play, seed: u64, steps: usize) -> Result<(), Violation> {
    let mut author = Author::new(play, seed);
    for _ in 0..steps {
        world.step(author.next(world))?;
    }
    world.settle()
}

/// Makes steps up.
struct Author {
    chance: Chance,
    /// How wild the run is: how many of a thousand steps are troubles, and how many works of a hundred are disturbed.
    troubles: usize,
    disturbances: usize,
    serial: usize,
    /// Those who call and listen, if anybody does.
    people: Option<People>,
}

/// How many of a hundred steps are those of people who call and listen.
const LIVELINESS: usize = 45;

impl Author {
    fn new(play: Play, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let troubles = [0, 10, 30, 80][chance.below(4)];
        let disturbances = [0, 5, 20, 50][chance.below(4)];
        let people = (play == Play::Calls).then(|| People::new(Chance::new(!seed)));
        Self { chance, troubles, disturbances, serial: 0, people }
    }

    fn next(&mut self, world: &World) -> Step {
        if let Some(people) = &mut self.people {
            let opening = people.opening();
            if opening.is_some() || self.chance.percent(LIVELINESS) {
                return opening.unwrap_or_else(|| people.next(world));
            }
        }
        if world.connector.is_none() && self.chance.percent(40) {
            return Step::Start(self.plan(world));
        }
        if self.chance.below(1000) < self.troubles {
            return self.trouble();
        }
        match self.chance.weighted(&[70, 14, 4, 3, 9, 5]) {
            1 => self.ask(world),
            5 => self.upload(world),
            2 => self.write_on(world).or_else(|| self.edit(world).map(Step::Edit)).unwrap_or(Step::Pass(1)),
            3 => Step::Reload,
            4 => Step::Pass(self.chance.number() % 1500),
            _ => self.routine(world),
        }
    }

    /// What is on its way gets on.
    fn routine(&mut self, world: &World) -> Step {
        let Some(connector) = &world.connector else { return Step::Pass(100) };
        let mut possible = Vec::new();
        if !connector.works.is_empty() {
            possible.push(Step::Disk(self.plan(world)));
        }
        if !connector.results.is_empty() || !connector.made_up.is_empty() {
            possible.push(Step::Result);
        }
        if !world.late.is_empty() {
            possible.push(Step::Late);
        }
        let count = if self.chance.percent(75) { usize::MAX } else { 1 + self.chance.below(80) };
        for line in [Line::Control, Line::Events] {
            let Some(pair) = &connector.pair else { continue };
            if !pair.wire_of(line).to_switch.is_empty() {
                possible.push(Step::ToSwitch(line, count));
            }
            if pair.wire_of(line).is_readable() {
                possible.push(Step::ToConnector(line, count));
            }
        }
        self.chance.pick(&possible).cloned().unwrap_or(Step::Pass(300))
    }

    fn trouble(&mut self) -> Step {
        match self.chance.weighted(&[20, 12, 10, 15, 15, 18, 10]) {
            0 => Step::Cut,
            1 => Step::Restart,
            2 => Step::Freeze(true),
            3 => Step::Freeze(false),
            4 => Step::Space(self.chance.percent(50).then(|| self.chance.below(3000))),
            5 => Step::Crash(self.crash()),
            _ => Step::Pass(20_000 + self.chance.number() % 60_000),
        }
    }

    fn crash(&mut self) -> Crash {
        if self.chance.percent(50) { Crash::Kill } else { Crash::PowerCut(self.chance.number()) }
    }

    /// What happens during a work on the disk.
    fn plan(&mut self, world: &World) -> Plan {
        let mut plan = Plan::new();
        while self.chance.percent(self.disturbances) && plan.len() < 3 {
            let happening = match self.chance.weighted(&[40, 15, 20, if self.troubles > 0 { 25 } else { 0 }]) {
                0 => self.edit(world).map(Happening::Edit),
                1 => Some(Happening::Reload),
                2 => Some(Happening::Fail),
                _ => Some(Happening::Crash(self.crash())),
            };
            let bound = if self.chance.percent(50) { 12 } else { 60 };
            let operation = self.chance.below(bound);
            plan.extend(happening.map(|happening| (operation, happening)));
        }
        plan
    }

    fn upload(&mut self, world: &World) -> Step {
        self.serial += 1;
        let known = world.seen().unwrap_or_default();
        let Some(upload) = phones::upload(&mut self.chance, self.serial, &known) else { return Step::Pass(1) };
        let disturbs = |(_, happening): &(usize, Happening)| !matches!(happening, Happening::Edit(_));
        Step::Upload(upload, self.plan(world).into_iter().filter(disturbs).collect())
    }

    fn ask(&mut self, world: &World) -> Step {
        self.serial += 1;
        let known = world.seen().unwrap_or_default();
        Step::Ask(Ask::make_up(&mut self.chance, self.serial, &known))
    }

    /// Now and then somebody still has the old file in his editor.
    fn write_on(&mut self, world: &World) -> Option<Step> {
        let aside = world.scene.borrow().ledger.set_aside();
        let path = self.chance.pick(&aside).filter(|_| self.disturbances > 0)?.clone();
        self.serial += 1;
        Some(Step::WriteOn(path.clone(), tree::rewritten(&path, self.serial)?))
    }

    fn edit(&mut self, world: &World) -> Option<fsconnector_disk::Edit> {
        self.serial += 1;
        let visible = world.scene.borrow().ledger.paths();
        if self.chance.percent(5) {
            let archives = world.scene.borrow().ledger.archives();
            return archives::tamper(&mut self.chance, self.serial, &archives);
        }
        if self.chance.percent(30) {
            return phones::tamper(&mut self.chance, self.serial, &visible);
        }
        tree::edit(&mut self.chance, self.serial, &visible)
    }
}
