//! The jobs without WebAssembly: the same columns in, the same columns out, as a program with this one job would do it.

use bench_rule::{Job, Order, Total};
use std::collections::HashMap;
use wasmill::plugin::guest::Answer;
use wasmill_contract::{Batch, SAME};

/// Handles a run of events.
pub fn process(job: Job, totals: &mut HashMap<Vec<u8>, Total>, batch: &Batch) -> Answer {
    let mut answer = Answer { done: batch.len() as u32, ..Answer::default() };
    for (index, event) in batch.events().enumerate() {
        let forward = match job {
            Job::Nothing => false,
            Job::PassThrough => true,
            Job::Fraud => Order::parse(event.value.unwrap_or_default()).is_ok_and(|order| order.is_suspicious()),
            Job::Totals => Order::parse(event.value.unwrap_or_default()).is_ok_and(|order| {
                let customer = event.key.unwrap_or_default();
                match totals.get_mut(customer) {
                    Some(total) => total.add(&order),
                    None => totals.entry(customer.to_vec()).or_default().add(&order),
                }
                order.is_suspicious()
            }),
        };
        if forward {
            answer.sources.push(index as u32);
            answer.sinks.push(0);
            answer.key_lengths.push(SAME);
            answer.value_lengths.push(SAME);
        }
    }
    answer
}
