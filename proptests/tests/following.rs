//! Whatever happens to the connections, the switch and the files: the connector shows what the switch has.

#![allow(clippy::unwrap_used)]

use fsconnector_engine::esl::session::Line;
use fsconnector_proptests::scene::Plan;
use fsconnector_proptests::tree::{self, user_file, user_path};
use fsconnector_proptests::world::{Step, World};
use proptest::prelude::*;

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![Just(Line::Events), Just(Line::Control)]
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 1..40_usize, 3 => Just(usize::MAX)]
}

fn edit(id: u32, name: &str) -> Step {
    Step::Edit(tree::write(&user_path("team", id), user_file(id, "team", name).into_bytes()).unwrap())
}

/// Somebody breaks a file of the tree, or repairs it.
fn breaking(broken: bool) -> Step {
    let path = user_path("team", 1);
    let broken = broken.then(|| tree::write(&path, b"<user id=\"1\">\n".to_vec()).unwrap());
    Step::Edit(broken.unwrap_or_else(|| tree::remove(&path).unwrap()))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (line(), count()).prop_map(|(line, count)| Step::ToConnector(line, count)),
        12 => (line(), count()).prop_map(|(line, count)| Step::ToSwitch(line, count)),
        6 => Just(Step::Disk(Plan::new())),
        6 => Just(Step::Result),
        6 => (0..3_000_u64).prop_map(Step::Pass),
        1 => (20_000..90_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
        1 => any::<bool>().prop_map(Step::Freeze),
        4 => (20_000..20_006_u32, "[a-z]{1,6}").prop_map(|(id, name)| edit(id, &name)),
        2 => (20_000..20_006_u32).prop_map(|id| Step::Edit(tree::remove(&user_path("team", id)).unwrap())),
        1 => any::<bool>().prop_map(breaking),
        4 => Just(Step::Reload),
    ]
}

fn holds(world: &mut World, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let fail = |violation| TestCaseError::fail(format!("{violation}"));
    for step in steps {
        world.step(step).map_err(fail)?;
    }
    world.settle().map_err(fail)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_readers_see_is_a_configuration_that_the_switch_had_and_in_the_end_the_one_it_has(
        steps in proptest::collection::vec(step(), 0..150)
    ) {
        let mut world = World::new().unwrap();
        holds(&mut world, steps)?;
        prop_assert_eq!(world.seen(), world.active());
        prop_assert!(world.state().unwrap().info.connected);
        let lowest = world.state().unwrap().free[0].users.lowest();
        prop_assert!(lowest.is_none_or(|lowest| !world.seen().unwrap().users.contains_key(&lowest.to_string())));
    }
}
