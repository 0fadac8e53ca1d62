//! What is measured with: orders as a shop would write them, 137 bytes of JSON each.

use std::fmt::Write;
use wasmill_contract::Batch;

/// Two of them are trusted by the fraud rule.
const COUNTRIES: [&str; 8] = ["US", "CA", "FR", "DE", "JP", "BR", "IN", "NG"];

/// A quarter of the orders is suspicious: a third has an amount above 300, three quarters of these come from elsewhere.
const AMOUNTS: std::ops::Range<u64> = 10_000..40_000;

/// So many customers, unless others are asked for.
pub const CUSTOMERS: u64 = 100_000;

/// Larger than any number of customers that is asked for, and prime: its multiples come to each of them before one again.
const STRIDE: u64 = 2_654_435_761;

/// Makes orders, the same each time.
pub struct Orders {
    made: u64,
    customers: u64,
    /// They come in turn, and not at random.
    in_turn: bool,
    random: u64,
    key: String,
    value: String,
}

impl Orders {
    /// From the first one.
    pub fn new() -> Self {
        Orders::among(CUSTOMERS)
    }

    /// From the first one, each of a customer out of so many, at random.
    pub fn among(customers: u64) -> Self {
        let (key, value) = (String::new(), String::new());
        Orders { made: 0, customers, in_turn: false, random: 0x9e37_79b9_7f4a_7c15, key, value }
    }

    /// From the first one, of so many customers, scattered: none has a second one before each has had one.
    pub fn each_of(customers: u64) -> Self {
        assert!(customers < STRIDE, "too many customers");
        Orders { in_turn: true, ..Orders::among(customers) }
    }

    /// The next one: its customer as the key, and the order.
    pub fn next(&mut self) -> (&[u8], &[u8]) {
        let customer = if self.in_turn { self.made * STRIDE % self.customers } else { self.random(self.customers) };
        let cents = AMOUNTS.start + self.random(AMOUNTS.end - AMOUNTS.start);
        let country = COUNTRIES[self.random(COUNTRIES.len() as u64) as usize];
        self.key.clear();
        self.value.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.key, "c-{customer:05}");
        let _ = write!(
            self.value,
            r#"{{"order_id":"o-{:06}","customer_id":"c-{customer:05}","amount":{}.{:02},"currency":"EUR","country":"{country}","status":"NEW","created_at":{}}}"#,
            self.made % 1_000_000,
            cents / 100,
            cents % 100,
            1_700_000_000_000 + self.made,
        );
        self.made += 1;
        (self.key.as_bytes(), self.value.as_bytes())
    }

    /// The next ones in columns.
    pub fn batch(&mut self, events: usize) -> Batch {
        let mut batch = Batch::new(0, 0, "orders");
        batch.now = 1_700_000_000_000;
        for offset in 0..events as u64 {
            let (key, value) = self.next();
            batch.push(offset, 1_700_000_000_000 + offset as i64, Some(key), Some(value), [].into_iter());
        }
        batch
    }

    /// Marsaglia's xorshift: quick, and good enough for a choice of countries.
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_rule::Order;
    use std::collections::BTreeSet;

    #[test]
    fn orders_have_137_bytes_and_a_quarter_is_suspicious() {
        let mut orders = Orders::new();
        let mut suspicious = 0;
        for _ in 0..10_000 {
            let (_, value) = orders.next();
            assert_eq!(value.len(), 137, "{}", String::from_utf8_lossy(value));
            suspicious += u32::from(Order::parse(value).unwrap().is_suspicious());
        }
        assert!((2_300..2_700).contains(&suspicious), "{suspicious}");
    }

    #[test]
    fn in_turn_each_customer_has_one_order_before_the_next() {
        let mut orders = Orders::each_of(1_000);
        let mut round = || (0..1_000).map(|_| orders.next().0.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(round().len(), 1_000);
        assert_eq!(round().len(), 1_000);
    }
}
