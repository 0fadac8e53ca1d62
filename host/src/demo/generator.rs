//! Sends what the shop sells, and what its warehouse and its bank have to say, at a steady rate.

use super::{CLIENTS, INVOICES, MOVEMENTS, ORDERS, TRANSACTIONS};
use crate::admin::Timestamp;
use crate::generate::{Bank, Record, Shop};
use crate::kafka::client::ClientSettings;
use crate::kafka::edge::{Outgoing, Outlet};
use crate::kafka::producer::{Producer, ProducerSpec};
use anyhow::{Context, Result, anyhow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wasmill_contract::HeadersIter;

/// The same shop at each start.
const SEED: u64 = 42;

/// So many orders bring one invoice, one transaction and one client.
const ORDERS_AN_INVOICE: u64 = 10;

/// So many orders bring one delivery to the warehouse: it has about as many pieces as they take.
const ORDERS_A_MOVEMENT: u64 = 30;

/// The topics, in the order in which a record names them.
const SENT_TO: [&str; 5] = [ORDERS, INVOICES, MOVEMENTS, TRANSACTIONS, CLIENTS];

/// Records are sent in small bursts.
const BURST_EVERY: Duration = Duration::from_millis(10);

/// A thread that sends.
pub struct Generator {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Generator {
    /// Opens the shop; `rate` orders a second.
    pub fn start(kafka: &ClientSettings, rate: u64) -> Result<Self> {
        let spec = ProducerSpec {
            client_id: "demo-shop".into(),
            transactional_id: None,
            longest_call: Duration::ZERO,
            topics: SENT_TO.map(str::to_owned).to_vec(),
            watched: None,
        };
        let producer = Producer::new(kafka, spec).map_err(|error| anyhow!("{error}"))?;
        let generator = Generator { sent: Arc::default(), stop: Arc::default() };
        let (sent, stop) = (generator.sent.clone(), generator.stop.clone());
        std::thread::Builder::new()
            .name("demo-shop".into())
            .spawn(move || sell(producer, rate, &sent, &stop))
            .context("no thread for the shop")?;
        Ok(generator)
    }

    /// Events sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Closes the shop.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }
}

fn sell(mut producer: Producer, rate: u64, sent: &AtomicU64, stop: &AtomicBool) {
    let mut shop = Shop::with_unreadable_orders(SEED);
    let (mut transactions, mut clients) = (Bank::new(SEED), Bank::new(SEED));
    let started = Instant::now();
    let mut orders = 0;
    while !stop.load(Relaxed) {
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        while orders < due {
            orders += 1;
            let now = Timestamp::now();
            send(&mut producer, 0, shop.order(now), sent);
            if orders % ORDERS_AN_INVOICE == 0 {
                send(&mut producer, 1, shop.invoice(now), sent);
                send(&mut producer, 3, transactions.transaction(now), sent);
                send(&mut producer, 4, clients.user(now), sent);
            }
            if orders % ORDERS_A_MOVEMENT == 0 {
                send(&mut producer, 2, shop.movement(), sent);
            }
        }
        producer.poll(BURST_EVERY);
        std::thread::sleep(BURST_EVERY);
    }
    while producer.in_flight() > 0 && producer.broken().is_none() {
        producer.poll(BURST_EVERY);
    }
}

fn send(producer: &mut Producer, topic: usize, (key, value): Record, sent: &AtomicU64) {
    let record = Outgoing {
        topic,
        partition: None,
        timestamp: None,
        key: Some(key.as_bytes()),
        value: Some(&value),
        headers: HeadersIter::default(),
    };
    match producer.send(record, 0) {
        Ok(()) => drop(sent.fetch_add(1, Relaxed)),
        Err(error) => tracing::warn!("the demo's shop could not send: {error}"),
    }
}
