//! Follows transactions from status to status, and bills the approved ones once. What it reads, writes and is set by: the
//! `README.md` beside this crate.

mod cycle;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod transaction;

pub use settings::{Bill, Settings};

use cycle::Cycle;
use serde::Deserialize;
use serde_json::value::RawValue;
use status::Status;
use std::borrow::Cow;
use transaction::Transaction;
use wasmill_plugin::{Clock, Context, Event, Failure, Input, Outcome, Plugin, Sink, Store, Timer, Wiring};

/// The signal that runs a billing cycle.
const CYCLE: &str = "execute-billing-cycle";

/// What one call of a cycle bills at most: transactions, and about so many bytes of them. A call must end well before its
/// deadline, and what it causes has a limit as well.
const PORTION: usize = 1000;
const PORTION_BYTES: usize = 4 << 20;

/// The plugin.
pub struct Billing {
    bill: Bill,
    /// Milliseconds.
    every: Option<i64>,
    signals: Input,
    /// By id, each as it is now.
    transactions: Store<Box<RawValue>>,
    /// By interval and id: the ids of those that a cycle has to bill.
    unbilled: Store<String>,
    approved: Sink,
    declined: Sink,
    refunded: Sink,
    billed: Sink,
}

/// What the signal may say.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    interval: Option<Cow<'a, str>>,
}

impl Plugin for Billing {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if let Some(problem) = settings.problem() {
            return Err(problem.into());
        }
        wiring.input("transactions");
        Ok(Billing {
            bill: settings.bill,
            every: settings.every.map(|every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX)),
            signals: wiring.input_from("signals", "$signals"),
            transactions: wiring.store("transactions").keyed_by_event(),
            unbilled: wiring.store("unbilled"),
            approved: wiring.sink("approved_transactions"),
            declined: wiring.sink("declined_transactions"),
            refunded: wiring.sink("refunded_transactions"),
            billed: wiring.sink("billed_transactions"),
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        if event.input() == self.signals {
            return self.signal(event, ctx);
        }
        // A tombstone says that a transaction is gone from its topic. What was decided stays decided.
        if event.value().is_none() {
            return Ok(());
        }
        let transaction = Transaction::of(event)?;
        match ctx.get(&self.transactions, transaction.id.as_bytes())? {
            None => self.follow(&transaction, None, ctx),
            Some(before) => self.follow(&transaction, Some(&Transaction::kept(&before)?), ctx),
        }
    }

    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        let Some(cycle) = Cycle::of(timer) else { return Ok(()) };
        let (mut count, mut bytes) = (0, 0);
        for entry in ctx.scan(&self.unbilled, cycle.rest()) {
            let (key, id) = entry?;
            let kept = ctx.get(&self.transactions, &id)?.ok_or_else(|| lost(&id))?;
            self.bill(&Transaction::kept(&kept)?, ctx)?;
            ctx.delete(&self.unbilled, &key)?;
            (count, bytes) = (count + 1, bytes + kept.get().len());
            if count == PORTION || bytes >= PORTION_BYTES {
                // Due at once, as this one was: what was open is billed before the next event.
                ctx.set_timer(cycle.after(&key), timer.at(), timer.clock());
                break;
            }
        }
        Ok(())
    }
}

impl Billing {
    fn signal(&self, event: &Event, ctx: &mut Context) -> Outcome {
        if event.key() != Some(CYCLE.as_bytes()) {
            let name = event.key().unwrap_or_default().escape_ascii();
            let message = format!("the signal `{name}` is unknown; there is `{CYCLE}`");
            return Err(Failure::reject("unknown-signal", message));
        }
        let payload: Payload = if event.value().is_some() { event.json()? } else { Payload::default() };
        let interval = payload.interval.unwrap_or_default();
        if !interval.is_empty() {
            transaction::check_interval(&interval)?;
        }
        ctx.set_timer(cycle::of_interval(&interval), ctx.stream_time(), Clock::EventTime);
        Ok(())
    }

    /// Does what an event says of a transaction; `before` is how it was kept.
    fn follow(&self, transaction: &Transaction, before: Option<&Transaction>, ctx: &mut Context) -> Outcome {
        if !transaction.status.changes(before.map(|before| before.status), &transaction.id)? {
            return Ok(());
        }
        // Whatever becomes of an approved one, no cycle has to bill it any more.
        if let Some(approved) = before.filter(|before| before.status == Status::Approved) {
            ctx.delete(&self.unbilled, cycle::unbilled_key(&approved.interval, &approved.id))?;
        }
        match transaction.status {
            Status::Approved => self.approve(transaction, ctx),
            Status::Declined => {
                ctx.forward(self.declined);
                self.keep(transaction, ctx)
            }
            Status::Refunded => {
                ctx.forward(self.refunded);
                self.keep(transaction, ctx)
            }
            // As it was approved: the event cannot bill more or less than that, or someone else.
            Status::Billed => before.map_or(Ok(()), |approved| self.bill(approved, ctx)),
        }
    }

    fn approve(&self, transaction: &Transaction, ctx: &mut Context) -> Outcome {
        ctx.forward(self.approved);
        if self.bill == Bill::AtOnce {
            return self.bill(transaction, ctx);
        }
        self.keep(transaction, ctx)?;
        let key = cycle::unbilled_key(&transaction.interval, &transaction.id);
        ctx.put(&self.unbilled, key, transaction.id.clone().into_owned())?;
        if let Some(every) = self.every {
            let at = cycle::next_time(ctx.now(), every);
            ctx.set_timer(cycle::of_time(at), at, Clock::WallClock);
        }
        Ok(())
    }

    fn bill(&self, transaction: &Transaction, ctx: &mut Context) -> Outcome {
        let billed = transaction.billed();
        ctx.emit(self.billed).key(transaction.client_id.as_bytes()).text(billed.get());
        ctx.put(&self.transactions, transaction.id.as_bytes(), billed)
    }

    fn keep(&self, transaction: &Transaction, ctx: &mut Context) -> Outcome {
        ctx.put(&self.transactions, transaction.id.as_bytes(), transaction.text.to_owned())
    }
}

/// Both stores are written together: this cannot be, and to go on would leave someone unbilled in silence.
#[cold]
fn lost(id: &str) -> Failure {
    Failure::stop("lost-transaction", format!("{id} is unbilled, and the store `transactions` does not have it"))
}

wasmill_plugin::export!(Billing);
