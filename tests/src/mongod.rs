//! A real mongod for tests: a replica set of one member, on a unix socket in a directory of its
//! own, so that no port is taken. `MONGOD` names the program; `MONGODB_URI` a server that somebody
//! else runs, which tests use instead where they need not kill it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use mongodb::{
    Client,
    bson::{Document, RawDocumentBuf, doc},
    options::ClientOptions,
};
use tempfile::TempDir;

/// How long mongod may take to start, on a machine that has other work too.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A database of its own for one test, on a server that tests running at the same time share.
pub struct Database {
    server: Server,
    name: String,
}

enum Server {
    Ours(Arc<Mongod>),
    Theirs(String),
}

impl Database {
    /// An empty database, on the server of `MONGODB_URI` if that is set.
    ///
    /// # Panics
    /// If neither `MONGODB_URI` nor `MONGOD` is set, or the server can't be started.
    #[must_use]
    pub fn fresh() -> Self {
        // A temporary directory's name is random.
        let random = tempfile::tempdir().expect("a temporary directory");
        let random = random.path().file_name().expect("a name").to_string_lossy();
        let name = format!("tallystick-{}", random.trim_start_matches('.'));
        let server = match env::var("MONGODB_URI") {
            Ok(uri) => Server::Theirs(uri),
            Err(_) => Server::Ours(shared()),
        };
        Self { server, name }
    }

    /// Where it is: a URI with the database's name.
    ///
    /// # Panics
    /// If `MONGODB_URI` is not a URI.
    #[must_use]
    pub fn uri(&self) -> String {
        match &self.server {
            Server::Ours(mongod) => mongod.uri(&self.name),
            Server::Theirs(uri) => with_database(uri, &self.name),
        }
    }
}

impl Database {
    /// Every document of the database as it is stored, one after the other.
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let (uri, name) = (self.uri(), self.name.clone());
        let dump = on_a_thread(async move {
            let database = Client::with_uri_str(&uri).await?.database(&name);
            let mut bytes = Vec::new();
            for collection in database.list_collection_names().await? {
                let collection = database.collection::<RawDocumentBuf>(&collection);
                let mut documents = collection.find(doc! {}).await?;
                while documents.advance().await? {
                    bytes.extend_from_slice(documents.current().as_bytes());
                }
            }
            Ok::<_, mongodb::error::Error>(bytes)
        });
        dump.expect("the server answers")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Server::Theirs(_) = &self.server {
            let (uri, name) = (self.uri(), self.name.clone());
            // What is left behind on a server that does not answer can't be helped.
            let _ = on_a_thread(async move {
                Client::with_uri_str(&uri)
                    .await?
                    .database(&name)
                    .drop()
                    .await
            });
        }
    }
}

/// The same URI with another database's name.
fn with_database(uri: &str, name: &str) -> String {
    let (server, options) = uri.split_once('?').unwrap_or((uri, ""));
    let (scheme, rest) = server.split_once("://").expect("MONGODB_URI is a URI");
    let hosts = rest.split('/').next().expect("a first part");
    format!("{scheme}://{hosts}/{name}?{options}")
}

/// The server that is running for other tests, or a new one.
fn shared() -> Arc<Mongod> {
    static RUNNING: Mutex<Weak<Mongod>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let mongod = Arc::new(Mongod::start());
        *running = Arc::downgrade(&mongod);
        mongod
    })
}

/// A mongod that belongs to the test, which may kill it. Ends when it is dropped.
pub struct Mongod {
    program: PathBuf,
    directory: TempDir,
    process: Child,
}

impl Mongod {
    /// Starts the program that `MONGOD` names, with nothing stored, and waits until it takes
    /// writes.
    ///
    /// # Panics
    /// If `MONGOD` is not set, or the program does not become a primary.
    #[must_use]
    pub fn start() -> Self {
        let program = env::var_os("MONGOD").expect(
            "MONGOD is the path of a mongod that tests may kill; `cargo xtask fetch` gets one",
        );
        let directory = tempfile::tempdir().expect("a temporary directory");
        let process = spawn(&program.clone().into(), &directory);
        let mongod = Self {
            program: program.into(),
            directory,
            process,
        };
        let socket = mongod.socket().display().to_string();
        mongod.wait(Some(doc! {
            "replSetInitiate": { "_id": "rs0", "members": [{ "_id": 0, "host": socket }] }
        }));
        mongod
    }

    /// Kills it at once, as a power cut would, but for what the system has not written yet.
    ///
    /// # Panics
    /// If it can't be killed.
    pub fn kill(&mut self) {
        self.process.kill().expect("mongod can be killed");
        self.process.wait().expect("mongod is our process");
    }

    /// Starts it again after [`Mongod::kill`], with what is stored, and waits until it takes
    /// writes.
    ///
    /// # Panics
    /// If it does not become a primary again.
    pub fn restart(&mut self) {
        self.process = spawn(&self.program, &self.directory);
        self.wait(None);
    }

    /// The URI of a database on it.
    #[must_use]
    pub fn uri(&self, database: &str) -> String {
        let socket = self.socket().display().to_string().replace('/', "%2F");
        format!("mongodb://{socket}/{database}?directConnection=true")
    }

    /// The unix socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("mongod.sock")
    }

    /// The directory with all that it has stored.
    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Copies everything that is stored to a new directory, after [`Mongod::kill`].
    ///
    /// # Panics
    /// If the files can't be copied.
    pub fn back_up(&self, to: &Path) {
        copy_directory(&self.data(), to);
    }

    /// Replaces everything that is stored by what was backed up, after [`Mongod::kill`].
    ///
    /// # Panics
    /// If the files can't be copied.
    pub fn restore(&self, from: &Path) {
        fs::remove_dir_all(self.data()).expect("it is stopped");
        copy_directory(from, &self.data());
    }

    fn wait(&self, command: Option<Document>) {
        let uri = self.uri("admin");
        if let Err(error) = on_a_thread(become_primary(uri, command)) {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let end: Vec<_> = log.lines().rev().take(20).collect();
            panic!(
                "mongod does not take writes: {error}\nthe end of its log, last line first:\n{}",
                end.join("\n")
            );
        }
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new directory");
    for file in fs::read_dir(from).expect("a directory") {
        let file = file.expect("a name");
        let target = to.join(file.file_name());
        if file.file_type().expect("a type").is_dir() {
            copy_directory(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).expect("a copy");
        }
    }
}

fn spawn(program: &PathBuf, directory: &TempDir) -> Child {
    let path = directory.path();
    let socket = path.join("mongod.sock");
    // A killed mongod leaves its sockets behind.
    let _ = fs::remove_file(&socket);
    fs::create_dir_all(path.join("data")).expect("a directory");
    Command::new(program)
        .args([
            "--replSet",
            "rs0",
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--quiet",
        ])
        // Lets tests have commands fail; see `configureFailPoint`.
        .args(["--setParameter", "enableTestCommands=1"])
        .arg("--bind_ip")
        .arg(&socket)
        .arg("--unixSocketPrefix")
        .arg(path)
        .arg("--dbpath")
        .arg(path.join("data"))
        .arg("--logpath")
        .arg(path.join("log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

async fn become_primary(uri: String, command: Option<Document>) -> mongodb::error::Result<()> {
    let mut options = ClientOptions::parse(uri).await?;
    options.server_selection_timeout = Some(START_TIMEOUT);
    let admin = Client::with_options(options)?.database("admin");
    if let Some(command) = command {
        admin.run_command(command).await?;
    }
    let mut hello = admin.run_command(doc! { "hello": 1 }).await?;
    while !hello.get_bool("isWritablePrimary").unwrap_or(false) {
        // The server answers when something has changed.
        let mut next = doc! { "hello": 1, "maxAwaitTimeMS": 10_000_i64 };
        if let Some(version) = hello.get("topologyVersion") {
            next.insert("topologyVersion", version.clone());
        }
        hello = admin.run_command(next).await?;
    }
    Ok(())
}

/// Runs one command on the database of a URI.
///
/// # Panics
/// If the server refuses it.
pub fn command(uri: &str, command: Document) {
    let uri = uri.to_owned();
    let answer = on_a_thread(async move {
        let client = Client::with_uri_str(&uri).await?;
        let database = client.default_database().expect("a name in the URI");
        database.run_command(command).await
    });
    answer.expect("the server carries it out");
}

/// Runs some work on a thread and a runtime of its own, so that it may be called from anywhere.
fn on_a_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    thread::spawn(move || runtime().expect("a runtime").block_on(work))
        .join()
        .expect("the work does not panic")
}
