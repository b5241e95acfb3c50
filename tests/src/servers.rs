//! A Redis, a Postgres or a pooler of a test's own, to be stopped, killed and started again.

use std::{
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use tempfile::TempDir;

use crate::wait::until;

/// A Redis as a production would have it: append-only, synced each second, evicting nothing.
#[derive(Debug)]
pub struct PrivateRedis {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
    is_cluster: bool,
}

/// A Postgres with its default durability.
#[derive(Debug)]
pub struct PrivatePostgres {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
}

/// A PgBouncer before a Postgres, which pools by sessions.
#[derive(Debug)]
pub struct PrivatePooler {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
}

/// A port nobody listens on now, below those that outgoing connections are given: while its server is down, no connection takes it.
/// Another process may listen there before we do: then the server fails to start, and says so.
///
/// # Panics
/// There is none.
#[must_use]
pub fn free_port() -> u16 {
    let free = |_| Some(rand::random_range(11_000..32_000)).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    (0..100).find_map(free).expect("a free port")
}

impl PrivateRedis {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::begin(false).await
    }

    /// Starts one that is a cluster by itself: it has every slot, and refuses whatever asks for keys of more than one.
    ///
    /// # Panics
    /// It takes no slots.
    pub async fn start_cluster() -> Self {
        let redis = Self::begin(true).await;
        let mut connection = redis.connect().await.expect("a connection");
        let slots = redis::cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"]).to_owned();
        slots.query_async::<()>(&mut connection).await.expect("it takes all slots");
        until("the cluster to be whole", async || {
            let told = redis::cmd("CLUSTER").arg("INFO").query_async::<String>(&mut connection).await;
            told.is_ok_and(|told| told.contains("cluster_state:ok"))
        })
        .await;
        redis
    }

    async fn begin(is_cluster: bool) -> Self {
        let mut redis = Self { dir: TempDir::new().expect("a folder"), port: free_port(), child: None, is_cluster };
        redis.resume().await;
        redis
    }

    async fn connect(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it again on its data, at its port.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn resume(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir", text(self.dir.path())]);
        command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"]);
        if self.is_cluster {
            command.args(["--cluster-enabled", "yes"]);
        }
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server starts"));
        until("Redis to answer", async || {
            let Ok(mut connection) = self.connect().await else { return false };
            redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
        })
        .await;
    }

    /// Sends it a signal, unless it is down.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.as_ref().and_then(|child| child.id().try_into().ok()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Cuts the last bytes off what it has written, while stopped: as a machine that loses power forgets its last second.
    ///
    /// # Panics
    /// The data cannot be changed.
    pub fn tear(&mut self, bytes: u64) {
        let written = std::fs::read_dir(self.dir.path().join("appendonlydir")).expect("the append-only files");
        let increments = written.map(|entry| entry.expect("an entry").path());
        for path in increments.filter(|path| path.extension().is_some_and(|extension| extension == "aof")) {
            if path.to_str().is_some_and(|name| name.contains(".incr.")) {
                let file = std::fs::OpenOptions::new().write(true).open(&path).expect("an append-only file");
                let length = file.metadata().expect("its length").len();
                file.set_len(length.saturating_sub(bytes)).expect("the file can be cut");
            }
        }
    }

    /// SIGTERM: it writes what it has.
    pub fn stop(&mut self) {
        end(&mut self.child, Signal::SIGTERM);
    }

    /// SIGKILL: up to a second of writes is lost.
    pub fn kill_9(&mut self) {
        end(&mut self.child, Signal::SIGKILL);
    }

    /// Forgets everything, while stopped.
    ///
    /// # Panics
    /// The data cannot be removed.
    pub fn wipe(&mut self) {
        for entry in std::fs::read_dir(self.dir.path()).expect("the data folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                .expect("the data can be removed");
        }
    }
}

impl PrivatePostgres {
    /// Makes a cluster, starts it and waits until it answers.
    ///
    /// # Panics
    /// The programs of Postgres are not installed.
    pub async fn start() -> Self {
        Self::begin(false).await
    }

    /// The same, for whoever asks for TLS: nobody has signed its certificate.
    ///
    /// # Panics
    /// As [`PrivatePostgres::start`].
    pub async fn start_encrypted() -> Self {
        Self::begin(true).await
    }

    async fn begin(is_encrypted: bool) -> Self {
        let dir = unprivileged_dir();
        let mut initdb = as_unprivileged(&program("initdb"), dir.path());
        initdb
            .args(["--username=faena", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(dir.path().join("data"));
        let made = initdb.stdout(Stdio::null()).status().expect("initdb starts");
        assert!(made.success(), "initdb failed");
        if is_encrypted {
            encrypt(&dir.path().join("data"));
        }
        let mut postgres = Self { dir, port: free_port(), child: None };
        postgres.resume().await;
        postgres
    }

    /// Its URL; the user may create databases.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://faena@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again on its data, at its port.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn resume(&mut self) {
        let mut postgres = as_unprivileged(&program("postgres"), self.dir.path());
        postgres.arg("-D").arg(self.dir.path().join("data")).args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        postgres.arg("-k").arg(self.dir.path()).args(["-c", "max_connections=500"]);
        // Somebody who connects and says nothing would hold up a shutdown for a minute.
        postgres.args(["-c", "authentication_timeout=2s"]);
        self.child = Some(postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres starts"));
        let url = self.url();
        until("Postgres to answer", async || <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.is_ok()).await;
    }

    /// SIGINT: a fast shutdown; every session is cut.
    pub fn stop(&mut self) {
        end(&mut self.child, Signal::SIGINT);
    }

    /// A fast shutdown, for which others do not have to stand still; an immediate one where it takes long, as it does when somebody has
    /// connected and says nothing.
    pub async fn stop_patiently(&mut self) {
        let Some(child) = &mut self.child else { return };
        let _ = kill(Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX)), Signal::SIGINT);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while tokio::time::Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                self.child = None;
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.crash();
    }

    /// SIGQUIT: an immediate shutdown, recovered from the log at the next start.
    pub fn crash(&mut self) {
        end(&mut self.child, Signal::SIGQUIT);
    }
}

impl PrivatePooler {
    /// Starts one before the Postgres of this URL, which asks for no password, and waits until it answers.
    ///
    /// # Panics
    /// PgBouncer is not installed, or does not come up.
    pub async fn before(server: &str) -> Self {
        let url = url::Url::parse(server).expect("a URL");
        let (dir, port) = (unprivileged_dir(), free_port());
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = session\ndefault_pool_size = 200\nmax_client_conn = 300\n\
             ignore_startup_parameters = options, extra_float_digits\n",
            url.port().expect("a port"),
            url.username(),
        );
        std::fs::write(dir.path().join("pgbouncer.ini"), settings).expect("the settings can be written");
        let mut pooler = Self { dir, port, child: None };
        pooler.resume(server).await;
        pooler
    }

    /// Where a database of that server is reached by way of it.
    ///
    /// # Panics
    /// The URL is none of a Postgres at a port.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        let mut url = url::Url::parse(database).expect("a URL");
        url.set_port(Some(self.port)).expect("a URL with a port");
        url.into()
    }

    /// Starts it again, at its port, and waits until this Postgres answers by way of it.
    ///
    /// # Panics
    /// It does not come up.
    pub async fn resume(&mut self, server: &str) {
        // It does not lie where everybody's PATH leads.
        let installed = Path::new("/usr/sbin/pgbouncer");
        let program = if installed.exists() { installed } else { Path::new("pgbouncer") };
        let mut pgbouncer = as_unprivileged(program, self.dir.path());
        pgbouncer.arg("-q").arg(self.dir.path().join("pgbouncer.ini"));
        self.child = Some(pgbouncer.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pgbouncer starts"));
        let url = self.url_of(server);
        until("Postgres to answer by way of the pooler", async || {
            <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.is_ok()
        })
        .await;
    }

    /// SIGKILL: every session is cut, at both ends.
    pub fn kill_9(&mut self) {
        end(&mut self.child, Signal::SIGKILL);
    }
}

impl Drop for PrivatePooler {
    fn drop(&mut self) {
        end(&mut self.child, Signal::SIGKILL);
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        end(&mut self.child, Signal::SIGKILL);
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        end(&mut self.child, Signal::SIGQUIT);
    }
}

fn end(child: &mut Option<Child>, signal: Signal) {
    if let Some(mut child) = child.take() {
        let _ = kill(Pid::from_raw(child.id().try_into().unwrap_or(0)), signal);
        let _ = child.wait();
    }
}

/// Postgres and PgBouncer refuse to run as root: then Postgres's own user runs them.
fn unprivileged() -> Option<User> {
    geteuid().is_root().then(|| User::from_name("postgres").ok().flatten().expect("the user postgres"))
}

/// A folder of that user's, closed to others.
fn unprivileged_dir() -> TempDir {
    let dir = TempDir::new().expect("a folder");
    if let Some(user) = unprivileged() {
        std::os::unix::fs::chown(dir.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .expect("the folder can be given away");
    }
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).expect("the folder can be closed");
    dir
}

/// Gives a cluster a key, a certificate for it, and the order to use them.
fn encrypt(data: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let order = std::fs::read_to_string(data.join("postgresql.conf")).expect("the settings") + "\nssl = on\n";
    for (name, text) in
        [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem()), ("postgresql.conf", order)]
    {
        let file = data.join(name);
        std::fs::write(&file, text).expect("a file of the cluster's");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("the file can be closed");
        if let Some(user) = unprivileged() {
            std::os::unix::fs::chown(&file, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .expect("the file can be given away");
        }
    }
}

fn as_unprivileged(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    if let Some(user) = unprivileged() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    let mut found: Vec<PathBuf> = versions.filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a readable path")
}
