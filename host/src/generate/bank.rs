//! Users, and what they pay.

use super::random::Random;
use super::shop::Record;
use crate::admin::Timestamp;
use serde_json::json;

/// There are so many users.
const USERS: u64 = 1_000;

/// Makes them up; the same seed gives the same ones, but for their time.
pub struct Bank {
    random: Random,
    next: u64,
}

impl Bank {
    /// One without a payment yet.
    pub fn new(seed: u64) -> Self {
        Bank { random: Random::new(seed), next: 1 }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn amount(&mut self) -> String {
        let cents = 100 + self.random.below(150_000);
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    /// The next user; after the last one the first comes again.
    pub fn user(&mut self, now: Timestamp) -> Record {
        let number = (self.number() - 1) % USERS + 1;
        let id = format!("user-{number}");
        let name = self.random.pick(&["Ann", "Bea", "Carl", "Dora", "Emil", "Fay"]);
        let user = json!({ "id": id, "name": name, "email": format!("{id}@example.com"), "created_at": now });
        (id, user.to_string().into_bytes())
    }

    /// The next payment of some user, keyed by the user; about one in eight fails.
    pub fn payment(&mut self, now: Timestamp) -> Record {
        let number = self.number();
        let user = format!("user-{}", 1 + self.random.below(USERS));
        let payment = json!({
            "payment_id": format!("payment-{number}"),
            "order_id": format!("order-{number}"),
            "user_id": user,
            "amount": self.amount(),
            "currency": "USD",
            "status": self.random.pick(&["PAID", "PAID", "PAID", "PAID", "PAID", "PAID", "PAID", "FAILED"]),
            "created_at": now,
        });
        (user, payment.to_string().into_bytes())
    }

    /// The next transaction, keyed by its id.
    pub fn transaction(&mut self, now: Timestamp) -> Record {
        let id = format!("transaction-{}", self.number());
        let transaction = json!({
            "id": id,
            "client_id": format!("user-{}", 1 + self.random.below(USERS)),
            "amount": self.amount(),
            "currency": "EUR",
            "status": self.random.pick(&["APPROVED", "APPROVED", "APPROVED", "DECLINED"]),
            "interval": self.random.pick(&["MONTHLY", "YEARLY"]),
            "created_at": now,
        });
        (id, transaction.to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn users_come_again_and_payments_are_theirs() {
        let (mut bank, now) = (Bank::new(1), Timestamp::now());
        let users: BTreeSet<String> = (0..2 * USERS).map(|_| bank.user(now).0).collect();
        assert_eq!(users.len() as u64, USERS);
        let payments: Vec<Record> = (0..1_000).map(|_| bank.payment(now)).collect();
        let read = |record: &Record| serde_json::from_slice::<Value>(&record.1).unwrap();
        assert!(payments.iter().all(|payment| users.contains(&payment.0) && read(payment)["user_id"] == payment.0));
        let failed = payments.iter().filter(|payment| read(payment)["status"] == "FAILED").count();
        assert!((60..200).contains(&failed), "{failed}");
    }
}
