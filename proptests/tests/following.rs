//! Whatever happens to the connections, the switch and the files: the connector shows what the switch has.

#![allow(clippy::unwrap_used)]

use fsconnector_engine::esl::session::Line;
use fsconnector_proptests::world::{Step, World};
use proptest::prelude::*;

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![Just(Line::Events), Just(Line::Control)]
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 1..40_usize, 3 => Just(usize::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (line(), count()).prop_map(|(line, count)| Step::ToConnector(line, count)),
        12 => (line(), count()).prop_map(|(line, count)| Step::ToSwitch(line, count)),
        6 => Just(Step::Disk),
        6 => (0..3_000_u64).prop_map(Step::Pass),
        1 => (20_000..90_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
        1 => any::<bool>().prop_map(Step::Freeze),
        4 => (20_000..20_006_u32, "[a-z]{1,6}").prop_map(|(id, name)| Step::Edit(id, name)),
        2 => (20_000..20_006_u32).prop_map(Step::Remove),
        1 => any::<bool>().prop_map(Step::Break),
        4 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_readers_see_is_a_configuration_that_the_switch_had_and_in_the_end_the_one_it_has(
        steps in proptest::collection::vec(step(), 0..150)
    ) {
        let mut world = World::new().unwrap();
        world.settle();
        for step in steps {
            world.step(step);
            if let Some(seen) = world.seen() {
                prop_assert!(world.history().contains(&seen), "{:?} was never active", seen);
            }
        }
        world.settle();
        prop_assert_eq!(world.seen(), world.history().last().cloned());
        prop_assert!(world.state().unwrap().info.connected);
        let lowest = world.state().unwrap().free[0].users.lowest().unwrap();
        prop_assert!(!world.seen().unwrap().contains_key(&lowest));
    }
}
