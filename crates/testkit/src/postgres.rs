//! A PostgreSQL server for one test process: started by the first test that asks, gone when the process is.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Special characters, so that encoding them is tested with everything else.
pub const PASSWORD: &str = "p@ss/w?rd:1";
const PASSWORD_ENCODED: &str = "p%40ss%2Fw%3Frd%3A1";

/// Runs the server until its standard input ends, which it does with the test process, however that ends.
const WATCH: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -h 127.0.0.1 -p "$3" -c fsync="$4" -c full_page_writes="$4" -c max_connections=200 \
  -c ssl=on -c ssl_cert_file="$2/server.crt" -c ssl_key_file="$2/server.key" </dev/null >"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A running server.
pub struct Server {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    durable: &'static str,
    next: AtomicUsize,
    /// Its standard input is closed by the system when this process ends.
    watch: Child,
}

/// A server of a test's own, to be stopped, killed and started again; none where PostgreSQL is not installed. It keeps what it has committed.
pub fn own() -> Option<Server> {
    installed().map(|bin| Server::start(&bin, "off"))
}

/// The server; none where PostgreSQL is not installed, which is said, and an error where `CI` is set. It loses its data in a
/// power cut, and is the faster for it.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    start(&SERVER, "off")
}

/// A server that syncs every commit to the disk, as in production: for benchmarks.
pub fn durable() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    start(&SERVER, "on")
}

fn start(server: &'static OnceLock<Option<Server>>, durable: &'static str) -> Option<&'static Server> {
    server.get_or_init(|| installed().map(|bin| Server::start(&bin, durable))).as_ref()
}

/// Its programs; where there are none, that is said.
fn installed() -> Option<PathBuf> {
    let bin = programs();
    if bin.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed: apt-get install postgresql");
        // Past the harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: PostgreSQL is not installed");
    }
    bin
}

/// The newest installation: where Debian has them, or else on the PATH.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let number = |bin: &Path| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = debian.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| number(bin));
    newest.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(|dir| dir.join("initdb").exists()))
}

/// A user that the server may run as: it refuses root.
fn user() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let fields: Vec<&str> = passwd.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("root needs a user `postgres` or `nobody` to run PostgreSQL as"))
}

/// A command that runs as the server's user.
fn command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null()).process_group(0);
    user().map(|(uid, gid)| command.uid(uid).gid(gid));
    command
}

/// Runs the server as long as this process lives.
fn watch(bin: &Path, dir: &Path, port: u16, durable: &str) -> Child {
    let mut watch = command(Path::new("sh"), dir);
    watch.args(["-c", WATCH, "sh"]).arg(bin).arg(dir).arg(port.to_string()).arg(durable);
    watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(signal: &str, processes: &[String]) {
    let _ = Command::new("kill").arg(signal).args(processes).stderr(Stdio::null()).status();
}

/// Whether a process is there and runs: one that has ended and that nobody has waited for does not.
fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

impl Server {
    fn start(bin: &Path, durable: &'static str) -> Server {
        let (dir, user) = (tempfile::Builder::new().prefix("edgelatch-pg-").tempdir().unwrap().keep(), user());
        if let Some((uid, gid)) = user {
            chown(&dir, Some(uid), Some(gid)).unwrap();
        }
        let command = |program: &Path| command(program, &dir);
        let run = |command: &mut Command| {
            let out = command.output().unwrap();
            assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
        };
        std::fs::write(dir.join("password"), PASSWORD).unwrap();
        // An order of text unlike ours, to show that ours does not depend on it.
        let order = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"];
        let access = ["--username=edgelatch", "--auth=scram-sha-256", "--pwfile=password"];
        run(command(&bin.join("initdb")).args(["--pgdata=data", "--no-sync"]).args(order).args(access));
        let name =
            ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"];
        let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
        run(command(Path::new("openssl")).args(key).args(["-keyout", "server.key", "-out", "server.crt"]).args(name));
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let watch = watch(bin, &dir, port, durable);
        let server = Server { bin: bin.into(), dir, port, durable, next: AtomicUsize::new(0), watch };
        server.answers();
        server
    }

    /// Waits until it can be connected to.
    fn answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = self.connect() {
            let log = || std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start: {error}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its first process.
    fn first(&self) -> String {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
        file.lines().next().unwrap_or_default().to_owned()
    }

    /// Its first process, and those that serve sessions.
    fn processes(&self) -> Vec<String> {
        let first = self.first();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        std::iter::once(first).chain(children.split_whitespace().map(Into::into)).collect()
    }

    /// Lets it answer nothing, and end no connection. Returns which of its processes stand still: the first one stops before the others are looked up,
    /// so that it begins no more.
    fn stop(&self) -> Vec<String> {
        signal("-STOP", &[self.first()]);
        let all = self.processes();
        signal("-STOP", &all);
        all
    }

    /// Lets it answer nothing, and end no connection.
    pub fn freeze(&self) {
        self.stop();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal("-CONT", &self.processes());
    }

    /// Kills it, so that it has time for nothing.
    pub fn kill(&mut self) {
        // Whoever watches it would clear its files away.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        let all = self.stop();
        signal("-KILL", &all);
        // One that is left would hold the memory that they share, and a new server refuses to start beside it.
        let deadline = Instant::now() + Duration::from_secs(30);
        while all.iter().any(|process| lives(process)) {
            assert!(Instant::now() < deadline, "PostgreSQL cannot be killed: {all:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again after it was killed.
    pub fn restart(&mut self) {
        // It would take itself for running, where nobody has waited for what was killed.
        for file in ["data/postmaster.pid".into(), format!(".s.PGSQL.{}", self.port), format!(".s.PGSQL.{}.lock", self.port)] {
            let _ = std::fs::remove_file(self.dir.join(file));
        }
        self.watch = watch(&self.bin, &self.dir, self.port, self.durable);
        self.answers();
    }

    fn connect(&self) -> Result<::postgres::Client, ::postgres::Error> {
        let mut config = ::postgres::Config::new();
        config.host_path(&self.dir).port(self.port).user("edgelatch").password(PASSWORD).dbname("postgres");
        config.connect(::postgres::NoTls)
    }

    /// A connection past the registry.
    pub fn admin(&self) -> ::postgres::Client {
        self.connect().unwrap()
    }

    /// Makes an empty schema and gives its name.
    pub fn schema(&self) -> String {
        let name = format!("t{}", self.next.fetch_add(1, Ordering::SeqCst));
        self.admin().batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        name
    }

    /// The address of a schema, over the server's socket.
    pub fn url(&self, schema: &str) -> String {
        let socket = self.dir.to_str().unwrap().replace('/', "%2F");
        self.tcp_url(schema, &socket, "")
    }

    /// The same over TCP.
    pub fn tcp_url(&self, schema: &str, host: &str, more: &str) -> String {
        let (port, options) = (self.port, format!("options=-csearch_path%3D{schema}&application_name={schema}"));
        format!("postgres://edgelatch:{PASSWORD_ENCODED}@{host}:{port}/postgres?{options}{more}")
    }

    /// Ends the sessions on a schema, as a restart of the server does.
    pub fn cut(&self, schema: &str) -> i64 {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        self.admin().query_one(sql, &[&schema]).unwrap().get(0)
    }

    /// The server's certificate, signed by itself, so that it is the root to trust too.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("server.crt")
    }
}
