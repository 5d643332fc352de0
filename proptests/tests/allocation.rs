//! Allocation against a plain model: a set of all free numbers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use fsconnector_engine::config::NumberRange;
use fsconnector_engine::numbers::FreeNumbers;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    TakeLowest,
    Take(u32),
    GiveBack(u32),
}

/// Numbers in and around the ranges below.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![90..140_u32, Just(0), Just(u32::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::TakeLowest),
        2 => number().prop_map(Step::Take),
        2 => number().prop_map(Step::GiveBack),
    ]
}

fn range() -> impl Strategy<Value = NumberRange> {
    let inside = (100..130_u32, 0..20_u32).prop_map(|(first, more)| (first, first + more));
    let at_an_end = prop_oneof![Just((0, 12)), Just((u32::MAX - 12, u32::MAX))];
    prop_oneof![4 => inside, 1 => at_an_end].prop_map(|(first, last)| NumberRange::new(first, last).unwrap())
}

fn agree(free: &FreeNumbers, model: &BTreeSet<u32>) -> Result<(), TestCaseError> {
    prop_assert_eq!(free.lowest(), model.first().copied());
    prop_assert_eq!(free.count() as usize, model.len());
    for number in (90..140).chain([0, 5, u32::MAX - 5, u32::MAX]) {
        prop_assert_eq!(free.contains(number), model.contains(&number), "{}", number);
    }
    Ok(())
}

proptest! {
    #[test]
    fn free_numbers_are_those_of_the_plain_model(
        range in range(),
        used in proptest::collection::vec(number(), 0..60),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut free = FreeNumbers::new(range, used.iter().copied());
        let mut model: BTreeSet<u32> = (range.first()..=range.last()).filter(|number| !used.contains(number)).collect();
        agree(&free, &model)?;
        for step in steps {
            match step {
                Step::TakeLowest => prop_assert_eq!(free.take_lowest(), model.pop_first()),
                Step::Take(number) => prop_assert_eq!(free.take(number), model.remove(&number)),
                Step::GiveBack(number) => {
                    let expected = range.contains(number) && model.insert(number);
                    prop_assert_eq!(free.give_back(number), expected);
                }
            }
            agree(&free, &model)?;
        }
    }

    #[test]
    fn what_was_taken_and_given_back_leaves_no_trace(
        range in range(),
        used in proptest::collection::vec(number(), 0..60),
    ) {
        let before = FreeNumbers::new(range, used);
        let mut free = before.clone();
        let taken: Vec<u32> = std::iter::from_fn(|| free.take_lowest()).collect();
        prop_assert_eq!(free.count(), 0);
        for number in taken.into_iter().rev() {
            prop_assert!(free.give_back(number));
        }
        prop_assert_eq!(free, before);
    }
}
