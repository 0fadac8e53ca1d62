//! The composition root: reads the parts off a configuration, connects them, starts them, and stops them in turn.

mod dead_letters;
mod reset;
mod state_dir;

pub use dead_letters::{DeadLetters, Letter};
pub use reset::Reset;

use crate::admin::{self, Admin};
use crate::config::Config;
use crate::kafka::client::ClientSettings;
use crate::metrics::Metrics;
use crate::plugin::{AotCache, Engine, Loader};
use crate::reload::watcher;
use crate::state::Stores;
use crate::supervisor::{Parts, Supervisor};
use anyhow::{Context, Result};
use state_dir::StateDir;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Requests that are under way at the end get so long.
const HTTP_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A host at work.
pub struct App {
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// The plugins.
    pub supervisor: Arc<Supervisor>,
    /// How Kafka is reached; the embedded broker lives in it.
    pub kafka: ClientSettings,
    /// Where HTTP answers.
    pub admin: SocketAddr,
    watching: JoinHandle<()>,
    following: JoinHandle<()>,
    serve: JoinHandle<()>,
    stop_http: oneshot::Sender<()>,
    _state_dir: StateDir,
}

/// Runs a host until SIGTERM or Ctrl-C.
pub fn run(config: Config) -> Result<()> {
    run_until(config, async |_| shutdown_signal().await)
}

/// Runs a host until the future that `until` makes is ready, then stops it: workers drain, commit and leave their groups.
pub fn run_until(config: Config, until: impl AsyncFnOnce(&App)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()
        .context("no threads for HTTP and the watcher")?;
    runtime.block_on(async {
        let app = App::start(config).await?;
        until(&app).await;
        app.stop().await;
        Ok(())
    })
}

impl App {
    /// Starts a host. What can be wrong with its surroundings is found before anything starts.
    pub async fn start(config: Config) -> Result<App> {
        let state_dir = StateDir::open(&config.state_dir)?;
        let listener = admin::bind(config.admin.listen).await?;
        let admin_address = listener.local_addr().context("the HTTP listener has no address")?;
        let plugins_dir = config.plugins.dir.clone();
        std::fs::create_dir_all(&plugins_dir)
            .with_context(|| format!("the plugins folder {} can't be made", plugins_dir.display()))?;

        let metrics = Arc::new(Metrics::new());
        let kafka = ClientSettings::new(&config.kafka)?;
        let cache = AotCache::open(&config.state_dir.join("modules"), &plugins_dir)?;
        let loader = Loader::new(Engine::new()?, Some(cache)).beside_events();
        let stores = open_stores(&config.state_dir, kafka.has_transactions(), config.state_cache)?;
        let (token, advertise) = (config.admin.token.clone(), config.admin.advertise.clone());
        metrics.set_config(&config.application, kafka.bootstrap_servers());
        greet(&config, &kafka, admin_address);
        let parts = Parts::new(config, kafka.clone(), loader, stores, metrics.clone(), state_dir.host_id().to_owned());
        let supervisor = Supervisor::new(parts);

        let (changed, changes) = mpsc::channel(64);
        let (stop_http, stopped) = oneshot::channel::<()>();
        let admin = Admin { control: supervisor.clone(), metrics: metrics.clone(), token, advertise };
        let follow = {
            let supervisor = supervisor.clone();
            async move { supervisor.follow(changes).await }
        };
        let serve = async move {
            admin::serve(listener, admin, async { drop(stopped.await) }).await;
        };
        Ok(App {
            metrics,
            supervisor,
            kafka,
            admin: admin_address,
            watching: tokio::spawn(watcher::watch(plugins_dir, changed)),
            following: tokio::spawn(follow),
            serve: tokio::spawn(serve),
            stop_http,
            _state_dir: state_dir,
        })
    }

    /// Stops everything, workers first: HTTP answers until they have committed.
    pub async fn stop(mut self) {
        self.watching.abort();
        self.following.abort();
        tracing::info!("stopping: workers drain, commit and leave their groups");
        self.supervisor.shut_down().await;
        // The server may have ended by itself.
        let _ = self.stop_http.send(());
        if tokio::time::timeout(HTTP_ENDS_WITHIN, &mut self.serve).await.is_err() {
            self.serve.abort();
        }
        tracing::info!("stopped");
    }
}

/// Without a changelog state lasts as long as the broker, which is as long as the process.
fn open_stores(state_dir: &Path, lasting: bool, cache: usize) -> Result<Arc<Stores>> {
    let folder = state_dir.join("stores");
    if !lasting && folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("{} can't be removed", folder.display()))?;
    }
    Ok(Stores::open(&folder, cache)?)
}

fn greet(config: &Config, kafka: &ClientSettings, admin: SocketAddr) {
    let embedded = if kafka.embedded().is_some() {
        " (embedded: it lasts as long as this process, has no transactions, and delivers at least once)"
    } else {
        ""
    };
    tracing::info!(
        application = config.application,
        "Kafka at {}{embedded}, plugins from {}, HTTP at http://{admin}",
        kafka.bootstrap_servers(),
        config.plugins.dir.display()
    );
}

/// Ready at SIGTERM or Ctrl-C.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            }
            Err(error) => {
                tracing::warn!("SIGTERM will not be noticed: {error}");
                drop(tokio::signal::ctrl_c().await);
            }
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
