//! The `host-server` program: opens the store, serves until it is told to stop.
#![forbid(unsafe_code)]

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use host_server::{
    AppState,
    config::{Command, Config, LogFormat, StoreAddress, exposure},
    listen::Listener,
    maintenance::command::NOT_DONE,
    serve,
    store::{Store, memory::MemoryStore, redb::RedbStore},
    tls::Tls,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::timeout,
};
use tracing_subscriber::EnvFilter;

/// How long requests under way may take after the signal to stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);
/// How often to look whether the certificate's files have changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(sentence) => {
            eprintln!("host-server: {sentence}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start() -> Result<ExitCode, String> {
    let config = Config::read()?;
    if config.print {
        print!("{}", config.to_toml()?);
        return Ok(ExitCode::SUCCESS);
    }
    log_as(config.log_format);
    if let Some(Command::Ledger(work)) = &config.command {
        return Ok(work
            .run(config.store.clone())
            .await
            .unwrap_or_else(|sentence| {
                eprintln!("host-server: {sentence}");
                ExitCode::from(NOT_DONE)
            }));
    }
    match config.store.clone() {
        StoreAddress::Memory => act(MemoryStore::new(), config).await,
        StoreAddress::Redb(path) => act(RedbStore::open(&path).map_err(say)?, config).await,
        #[cfg(feature = "mongo")]
        StoreAddress::Mongo(uri) => {
            let store = host_server::store::mongo::MongoStore::connect(&uri);
            act(store.await.map_err(say)?, config).await
        }
        #[cfg(not(feature = "mongo"))]
        StoreAddress::Mongo(_) => {
            Err("this build has no MongoDB: build it with --features mongo".to_owned())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn log_as(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Does what the command line says, on `store`.
async fn act<S: Store>(store: S, mut config: Config) -> Result<(), String> {
    match config.command.take() {
        None => run(store, config).await,
        Some(Command::Key(command)) => command.run(&store).await,
        // Done before a store was opened.
        Some(Command::Ledger(_)) => Ok(()),
    }
}

/// Serves on `store` until SIGTERM or SIGINT, then lets requests under way finish.
async fn run<S: Store>(store: S, config: Config) -> Result<(), String> {
    let mut state = AppState::new(store).with_options(config.http);
    if let Some(address) = config.token {
        state = state.with_token(address);
    }
    exposure::check_keys(state.store(), config.listen).await?;
    if !config.listen.ip().is_loopback() {
        // Also if somebody empties the table of keys.
        state.gate().close();
    }
    let tls = config.tls.map(Tls::load).transpose()?.map(Arc::new);
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("can't listen on {}: {error}", config.listen))?;
    let address = listener.local_addr().map_err(say)?;
    let mut listener = Listener::from(listener);
    let mut scheme = "http";
    // Also without TLS: a terminal that is closed does not end the server.
    let hangup = signal(SignalKind::hangup()).map_err(say)?;
    if let Some(tls) = tls {
        listener = listener.with_tls(Arc::clone(&tls));
        scheme = "https";
        tokio::spawn(keep_fresh(tls, hangup));
    }

    let (stop, stopped) = watch::channel(());
    let mut terminate = signal(SignalKind::terminate()).map_err(say)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(say)?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        drop(stop);
    };
    println!("listening on {scheme}://{address}");

    let mut serving = std::pin::pin!(serve(listener, state, shutdown));
    let mut signalled = stopped;
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = signalled.changed() => {}
    }
    match timeout(DRAIN_TIME_MAX, serving).await {
        Ok(()) => {}
        Err(_) => tracing::warn!("requests are still under way; stopping all the same"),
    }
    Ok(())
}

/// Reads certificate and key again at every SIGHUP, and looks now and then whether they changed.
async fn keep_fresh(tls: Arc<Tls>, mut hangup: Signal) {
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    loop {
        let is_asked = tokio::select! {
            _ = hangup.recv() => true,
            _ = look.tick() => false,
        };
        match tls.reload() {
            Ok(true) => tracing::info!("the certificate was replaced"),
            Ok(false) if is_asked => tracing::info!("the certificate has not changed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the old certificate stays in use"),
        }
    }
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}
