//! What a shop sells: orders from its web site, invoices from its tills, and, if asked for, now and then something unreadable.

use super::random::Random;
use crate::admin::Timestamp;
use serde_json::json;

/// One in so many orders is not an order at all: something for the dead-letter topic.
const ONE_IN_UNREADABLE: u64 = 500;

/// Where customers live.
const CITIES: [&str; 3] = ["Leeds", "Porto", "Graz"];

/// What orders are of.
const SKUS: [&str; 3] = ["kettle", "chair", "lamp"];

/// Makes them up; the same seed gives the same ones, but for their time.
pub struct Shop {
    random: Random,
    unreadable: bool,
    next_order: u64,
    next_invoice: u64,
}

/// Key and value.
pub type Record = (String, Vec<u8>);

impl Shop {
    /// A shop that has sold nothing yet.
    pub fn new(seed: u64) -> Self {
        Shop { random: Random::new(seed), unreadable: false, next_order: 1, next_invoice: 1 }
    }

    /// One whose web site now and then sends what is no order.
    pub fn with_unreadable_orders(seed: u64) -> Self {
        Shop { unreadable: true, ..Shop::new(seed) }
    }

    /// The next order; about one in twelve is over 300 and from far away.
    pub fn order(&mut self, now: Timestamp) -> Record {
        let number = self.next_order;
        self.next_order += 1;
        let key = format!("order-{number}");
        if self.unreadable && self.random.below(ONE_IN_UNREADABLE) == 0 {
            return (key, format!(r#"{{"order_id":"order-{number}","amount":"#).into_bytes());
        }
        let cents = match self.random.below(5) {
            0 => 30_000 + self.random.below(120_000),
            _ => 500 + self.random.below(29_500),
        };
        let order = json!({
            "order_id": key,
            "customer_id": format!("customer-{}", self.random.below(10_000)),
            "amount": cents as f64 / 100.0,
            "currency": "USD",
            "country": self.random.pick(&["US", "US", "US", "CA", "DE", "IN", "BR"]),
            "status": "CREATED",
            "type": self.random.pick(&["inventory", "delivery", "inventory", "delivery", "gift-card"]),
            "sku": self.random.pick(&SKUS),
            "quantity": 1 + self.random.below(3),
            "address": { "City": self.random.pick(&CITIES) },
            "created_at": now,
        });
        (key, order.to_string().into_bytes())
    }

    /// What comes to the warehouse: pieces of one of the things that orders are of, keyed by its sku.
    pub fn movement(&mut self) -> Record {
        let sku = self.random.pick(&SKUS);
        let movement = json!({ "sku": sku, "kind": "RECEIVED", "quantity": 10 + self.random.below(30) });
        (sku.to_owned(), movement.to_string().into_bytes())
    }

    /// The next invoice of a till.
    pub fn invoice(&mut self, now: Timestamp) -> Record {
        let number = self.next_invoice;
        self.next_invoice += 1;
        let random = &mut self.random;
        let store = format!("STR{:04}", random.below(40));
        let items: Vec<_> = (0..1 + random.below(4))
            .map(|_| {
                let item = random.pick(&[("4411", "Kettle", 2999), ("5102", "Chair", 8950), ("7320", "Lamp", 4400)]);
                json!({
                    "ItemCode": item.0,
                    "ItemDescription": item.1,
                    "ItemPrice": item.2 as f64 / 100.0,
                    "ItemQty": 1 + random.below(3),
                })
            })
            .collect();
        let invoice = json!({
            "InvoiceNumber": format!("{number:08}"),
            "CreatedTime": now,
            "StoreID": store,
            "PosID": format!("POS{:03}", random.below(8)),
            "CashierID": format!("OAS{:03}", random.below(300)),
            "CustomerType": random.pick(&["PRIME", "NONPRIME"]),
            "CustomerCardNo": format!("{:010}", 4_000_000_000 + random.below(100_000)),
            "DeliveryType": random.pick(&["HOME-DELIVERY", "TAKEAWAY"]),
            "DeliveryAddress": {
                "AddressLine": format!("{} Mill Lane", 1 + random.below(200)),
                "City": random.pick(&CITIES),
                "State": "-",
                "PinCode": format!("{:06}", random.below(1_000_000)),
                "ContactNumber": format!("+{:011}", random.below(99_999_999_999)),
            },
            "InvoiceLineItem": items,
        });
        (store, invoice.to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn most_orders_can_be_read_and_some_are_suspicious() {
        let mut shop = Shop::with_unreadable_orders(1);
        let now = Timestamp::now();
        let orders: Vec<_> = (0..2000).map(|_| serde_json::from_slice::<Value>(&shop.order(now).1).ok()).collect();
        let unreadable = orders.iter().filter(|order| order.is_none()).count();
        assert!((1..20).contains(&unreadable), "{unreadable}");
        let suspicious = orders.iter().flatten().filter(|order| {
            order["amount"].as_f64().unwrap() > 300.0 && !["US", "CA"].contains(&order["country"].as_str().unwrap())
        });
        assert!((100..300).contains(&suspicious.count()));
    }

    #[test]
    fn an_invoice_has_items() {
        let invoice: Value = serde_json::from_slice(&Shop::new(1).invoice(Timestamp::now()).1).unwrap();
        assert!(!invoice["InvoiceLineItem"].as_array().unwrap().is_empty());
    }
}
