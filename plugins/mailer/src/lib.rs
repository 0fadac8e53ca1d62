//! Joins billed transactions with their clients into emails. What it reads, writes and is set by: the `README.md` beside
//! this crate.

mod email;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::Settings;

use email::{Bill, Client, Email, Undeliverable};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wasmill_plugin::{Clock, Context, Event, Failure, Input, Keys, Outcome, Plugin, Sink, Store, Timer, Wiring};

/// How many that waited for a client are sent in one call: it must end well before its deadline, and what it causes has a
/// limit as well.
const PORTION: usize = 1000;

/// A timer that fires so much later than it was set for, in milliseconds, was missed while the task was nowhere at work.
const MISSED: i64 = 30_000;

/// The plugin.
pub struct Mailer {
    subject: String,
    /// Milliseconds.
    wait: i64,
    updates: Input,
    /// By client id.
    clients: Store<Client>,
    /// By client id, and in the order in which they came.
    waiting: Store<Waiting>,
    emails: Sink,
    undeliverable: Sink,
}

/// A transaction whose client is not known.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    /// Milliseconds since the Unix epoch.
    timestamp: i64,
    transaction: Box<RawValue>,
}

impl Plugin for Mailer {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("billed_transactions");
        Ok(Mailer {
            subject: settings.subject,
            wait: i64::try_from(settings.wait.as_millis()).unwrap_or(i64::MAX),
            updates: wiring.input("clients"),
            clients: wiring.store("clients").keyed_by_event(),
            waiting: wiring.store("waiting"),
            emails: wiring.sink("emails"),
            undeliverable: wiring.sink("undeliverable"),
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let client_id = client_id(event)?;
        if event.input() == self.updates {
            return self.update(client_id, event, ctx);
        }
        let transaction: &RawValue = event.json()?;
        let bill: Bill = event.json()?;
        match ctx.get(&self.clients, client_id)? {
            Some(client) => self.send(client_id, &client, &bill, event.timestamp(), ctx),
            None => {
                let key = waiting_key(client_id, event);
                ctx.set_timer(&key, ctx.now().saturating_add(self.wait), Clock::WallClock);
                let transaction = transaction.to_owned();
                ctx.put(&self.waiting, key, Waiting { timestamp: event.timestamp(), transaction })
            }
        }
    }

    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        match timer.clock() {
            Clock::EventTime => self.go_on(timer, ctx),
            Clock::WallClock => self.give_up(timer, ctx),
        }
    }
}

impl Mailer {
    /// What is said of a client from here on.
    fn update(&self, client_id: &str, event: &Event, ctx: &mut Context) -> Outcome {
        if event.value().is_none() {
            return ctx.delete(&self.clients, client_id);
        }
        let client: Client = event.json()?;
        if client.email.is_empty() {
            return Err(Failure::reject("no-email", format!("client {client_id} has an empty `email`")));
        }
        self.send_waiting(client_id, &client, ctx)?;
        ctx.put(&self.clients, client_id, client)
    }

    /// Sends what waits for a client, in the order in which it came.
    fn send_waiting(&self, client_id: &str, client: &Client, ctx: &mut Context) -> Outcome {
        for (count, entry) in (1..).zip(ctx.scan(&self.waiting, Keys::prefix(prefix(client_id)))) {
            let (key, Waiting { timestamp, transaction }) = entry?;
            // The later of the two that it comes of: a client may have been known for years, or for a minute.
            let timestamp = timestamp.max(ctx.timestamp());
            self.send(client_id, client, &Bill::kept(&transaction)?, timestamp, ctx)?;
            ctx.delete(&self.waiting, &key)?;
            ctx.cancel_timer(&key, Clock::WallClock);
            if count == PORTION {
                // Due at once: the rest goes before the next event, which could be a bill of this client.
                ctx.set_timer(client_id, ctx.stream_time(), Clock::EventTime);
                break;
            }
        }
        Ok(())
    }

    fn go_on(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        let Some(client_id) = timer.key_str() else { return Ok(()) };
        match ctx.get(&self.clients, client_id)? {
            Some(client) => self.send_waiting(client_id, &client, ctx),
            None => Ok(()),
        }
    }

    /// The wait of a transaction is over.
    fn give_up(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        let Some(Waiting { transaction, .. }) = ctx.get(&self.waiting, timer.key())? else { return Ok(()) };
        if ctx.now().saturating_sub(timer.at()) > MISSED {
            // The client may be among what was not read meanwhile.
            ctx.set_timer(timer.key(), ctx.now().saturating_add(self.wait), Clock::WallClock);
            return Ok(());
        }
        ctx.delete(&self.waiting, timer.key())?;
        let client_id = timer.key().split(|byte| *byte == SEPARATOR as u8).next().unwrap_or_default();
        ctx.emit(self.undeliverable).key(client_id).json(&Undeliverable::unknown_client(&transaction))
    }

    fn send(&self, client_id: &str, client: &Client, bill: &Bill, timestamp: i64, ctx: &mut Context) -> Outcome {
        let email = Email::new(client, &self.subject, bill);
        ctx.emit(self.emails).key(client_id).timestamp(timestamp).json(&email)
    }
}

/// Ends the client's id in keys of `waiting`, so that no client's keys are among another's.
const SEPARATOR: char = '\n';

fn prefix(client_id: &str) -> String {
    format!("{client_id}{SEPARATOR}")
}

/// In the order of offsets. Where the input reads several topics, in each of them.
fn waiting_key(client_id: &str, event: &Event) -> String {
    format!("{}{:020}{SEPARATOR}{}", prefix(client_id), event.offset(), event.topic())
}

/// The event's key, on both inputs.
fn client_id<'e>(event: &Event<'e>) -> Result<&'e str, Failure> {
    let usable = |key: &&str| !key.is_empty() && !key.contains(SEPARATOR);
    event.key_str().filter(usable).ok_or_else(|| {
        let key = event.key().map_or("null".into(), |key| format!("`{}`", key.escape_ascii()));
        Failure::reject("no-client", format!("the key is {key}, and not a client's id: a text of one line"))
    })
}

wasmill_plugin::export!(Mailer);
