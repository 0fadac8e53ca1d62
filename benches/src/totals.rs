//! The plugin `revenue` as one writes it without Wasmill: totals in a map, and a changelog that they could be read back from.
//! Of a total that changed between two commits only the last value goes there.

use crate::bare::{Out, Work};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::BaseRecord;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::HashMap;
use wasmill_decimal::Decimal;

/// Totals by customer.
pub struct Totals<'a> {
    output: &'a str,
    changelog: &'a str,
    each: bool,
    index: HashMap<String, usize>,
    totals: Vec<Total>,
    changed: Vec<usize>,
    value: Vec<u8>,
}

impl<'a> Totals<'a> {
    /// `each`: every update goes out, and not only the last one of each commit.
    pub fn new(output: &'a str, changelog: &'a str, each: bool) -> Self {
        let (index, totals, changed, value) = Default::default();
        Totals { output, changelog, each, index, totals, changed, value }
    }
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    customer_id: Cow<'a, str>,
    amount: Decimal,
}

#[derive(Serialize)]
struct Total {
    key: String,
    count: u64,
    #[serde(serialize_with = "as_text")]
    total: Decimal,
    #[serde(skip)]
    partition: i32,
    #[serde(skip)]
    changed: bool,
}

fn as_text<S: Serializer>(total: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(total)
}

impl Total {
    fn write(&self, into: &mut Vec<u8>) {
        into.clear();
        serde_json::to_writer(into, self).expect("a total has nothing that JSON has not");
    }
}

impl Work for Totals<'_> {
    fn event(&mut self, message: &BorrowedMessage<'_>, out: &Out) {
        let order: Order<'_> = serde_json::from_slice(message.payload().unwrap_or_default()).expect("an order");
        let at = match self.index.get(&*order.customer_id) {
            Some(at) => *at,
            None => self.add(&order.customer_id, message.partition()),
        };
        let total = &mut self.totals[at];
        total.count += 1;
        total.total = total.total.plus(order.amount).expect("no more than 38 digits");
        if !total.changed {
            total.changed = true;
            self.changed.push(at);
        }
        if self.each {
            total.write(&mut self.value);
            let mut record = BaseRecord::to(self.output).key(total.key.as_bytes()).payload(&*self.value);
            record.timestamp = message.timestamp().to_millis();
            out.send(record);
        }
    }

    fn commit(&mut self, out: &Out) {
        for at in self.changed.drain(..) {
            let total = &mut self.totals[at];
            total.changed = false;
            total.write(&mut self.value);
            let record = |topic| BaseRecord::to(topic).key(total.key.as_bytes()).payload(&*self.value);
            out.send(record(self.changelog).partition(total.partition));
            if !self.each {
                out.send(record(self.output));
            }
        }
    }
}

impl Totals<'_> {
    fn add(&mut self, customer: &str, partition: i32) -> usize {
        let at = self.totals.len();
        let key = customer.to_owned();
        self.totals.push(Total { key: key.clone(), count: 0, total: Decimal::ZERO, partition, changed: false });
        self.index.insert(key, at);
        at
    }
}
