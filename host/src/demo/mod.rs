//! `wasmill demo`: a host on the embedded broker, a shop that sends it orders, and what becomes of them on the screen.

mod generator;
mod screen;
mod watch;

use crate::app::{self, App};
use crate::config::{AdminConfig, Brokers, Config, KafkaConfig, LogConfig, LogFormat, PluginsConfig, TopicsConfig};
use crate::kafka::topics::{TopicKind, TopicSpec, Topics};
use crate::logging;
use anyhow::{Context, Result};
use generator::Generator;
use screen::Screen;
use std::fs::File;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use watch::Watch;

/// Where the shop's orders go.
const ORDERS: &str = "orders";

/// Where its tills' invoices go.
const INVOICES: &str = "invoices";

/// Where its warehouse says what came.
const MOVEMENTS: &str = "stock_movements";

/// Where its bank's transactions go.
const TRANSACTIONS: &str = "transactions";

/// Where who is to be billed goes.
const CLIENTS: &str = "clients";

/// Where the fraud rule writes to.
const ALERTS: &str = "fraud-alerts";

/// The application's name: what the demo's dead-letter topics begin with.
const APPLICATION: &str = "demo";

/// The log of a demo with a screen, in the working folder.
const LOG: &str = "wasmill-demo.log";

/// Partitions of every topic.
const PARTITIONS: i32 = 4;

/// The screen is drawn so often.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// After the shop has closed, what is under way gets so long to arrive before the summary.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// When nothing has moved for so long, everything has arrived.
const QUIET: Duration = Duration::from_millis(500);

/// What can be asked of a demo.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of modules.
    pub plugins: PathBuf,
    /// Stops by itself after so long with every plugin at work: the first compilation of many takes its time.
    pub runs_for: Option<Duration>,
    /// Orders a second.
    pub rate: u64,
    /// Where HTTP listens. None: on port 8080 if it is free, on any other port if not.
    pub listen: Option<SocketAddr>,
}

/// Runs until the time is over or somebody presses Ctrl-C, and prints a summary on stdout.
pub fn run(options: &Options) -> Result<()> {
    let on_screen = std::io::stdout().is_terminal();
    let state = tempfile::tempdir().context("no folder for the demo's state")?;
    let config = config(options, state.path());
    if on_screen {
        // The screen is drawn over and over: log lines in between would be gone before they are read.
        let file = File::create(LOG).with_context(|| format!("the log {LOG} can't be written"))?;
        logging::init_to_file(&config.log, file)?;
    } else {
        logging::init(&config.log)?;
    }
    let options = options.clone();
    app::run_until(config, async move |app| {
        if let Err(error) = show(app, &options, on_screen).await {
            eprintln!("error: {error:#}");
        }
    })
}

async fn show(app: &App, options: &Options, on_screen: bool) -> Result<()> {
    let started = Instant::now();
    let fraud_letters = format!("{APPLICATION}-fraud-dlq");
    let topics = [ORDERS, INVOICES, MOVEMENTS, TRANSACTIONS, CLIENTS, ALERTS, &fraud_letters];
    prepare(app, &topics).await?;
    let watch = Watch::start(&app.kafka, vec![ALERTS.to_owned(), fraud_letters])?;
    let generator = Generator::start(&app.kafka, options.rate)?;
    let screen = Screen { options, kafka: app.kafka.bootstrap_servers(), admin: app.admin, on_screen };
    let mut before = screen::Totals::default();
    let mut tick = tokio::time::interval(DRAW_EVERY);
    let stop = app::shutdown_signal();
    tokio::pin!(stop);
    let mut drawn_at = started;
    let mut at_work_since: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = &mut stop => break,
        }
        // Asked first: a plugin that is found in between is not among the totals.
        let all_are_known = app.supervisor.looked_at_folder();
        let now = screen::Totals::take(app, &generator);
        if all_are_known && !now.is_starting() {
            at_work_since.get_or_insert_with(Instant::now);
        }
        let is_over = |time| at_work_since.is_some_and(|since| since.elapsed() >= time);
        if options.runs_for.is_some_and(is_over) {
            break;
        }
        screen.draw(started.elapsed(), &now, &before, drawn_at.elapsed(), &watch);
        (before, drawn_at) = (now, Instant::now());
    }
    generator.stop();
    settle(app, &generator, &watch).await;
    screen.summary(started.elapsed(), &screen::Totals::take(app, &generator), &watch);
    Ok(())
}

/// The plugins make the topics too, but the shop must not wait for them.
async fn prepare(app: &App, topics: &[&str]) -> Result<()> {
    let specs: Vec<TopicSpec> = topics
        .iter()
        .map(|name| TopicSpec { name: (*name).to_owned(), partitions: None, kind: TopicKind::Events })
        .collect();
    let topics = Topics::new(app.kafka.clone());
    tokio::task::spawn_blocking(move || topics.ensure(&specs, true, PARTITIONS, 1)).await??;
    Ok(())
}

/// Waits until nothing moves any more, or until it has had long enough.
async fn settle(app: &App, generator: &Generator, watch: &Watch) {
    let started = Instant::now();
    let mut before = None;
    while started.elapsed() < SETTLES_WITHIN {
        let now = Some(screen::Totals::take(app, generator).moved(watch));
        if now == before {
            return;
        }
        before = now;
        tokio::time::sleep(QUIET).await;
    }
}

fn config(options: &Options, state: &Path) -> Config {
    Config {
        application: APPLICATION.to_owned(),
        state_dir: state.to_owned(),
        state_cache: 16 << 20,
        kafka: KafkaConfig::of(Brokers::Embedded),
        plugins: PluginsConfig { dir: options.plugins.clone() },
        topics: TopicsConfig { create: true, partitions: PARTITIONS, replication: 1 },
        admin: AdminConfig {
            listen: options.listen.unwrap_or_else(free_address),
            advertise: None,
            token: None,
            topics: vec![],
        },
        log: LogConfig { format: LogFormat::Human, level: "info,kafka=error".to_owned() },
    }
}

fn free_address() -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    match std::net::TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}
