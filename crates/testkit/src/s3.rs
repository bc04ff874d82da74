//! A server that speaks S3, for one test process: `moto_server`, started by the first test that asks, gone when the process is.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::wire;

/// The program; `cargo xtask test --only s3` installs it and names it here.
pub const PROGRAM: &str = "EDGELATCH_MOTO";

/// Runs the server until its standard input ends, which it does with the test process, however that ends.
const WATCH: &str = r#"
"$1" -H 127.0.0.1 -p "$2" </dev/null >/dev/null 2>&1 &
server=$!
cat >/dev/null
kill "$server"
"#;

/// A running server, which keeps what it is given in memory.
pub struct Server {
    /// Where it listens, on this machine.
    pub port: u16,
    next: AtomicUsize,
    /// Its standard input is closed by the system when this process ends.
    _watch: Child,
}

/// The server; none where nobody said where the program is, which is told.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let program = std::env::var_os(PROGRAM);
        if program.is_none() {
            // Past the harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "skipped: no S3 server ({PROGRAM}); `cargo xtask test --only s3` has one");
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().port();
        let mut sh = Command::new("sh");
        sh.args(["-c", WATCH, "sh"]).arg(program?).arg(port.to_string()).stdin(Stdio::piped());
        let server = Server { port, next: AtomicUsize::new(0), _watch: sh.spawn().unwrap() };
        let end = Instant::now() + Duration::from_secs(60);
        while wire::exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false).is_err() {
            assert!(Instant::now() < end, "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    };
    SERVER.get_or_init(start).as_ref()
}

impl Server {
    /// A new bucket that everybody may read: its name.
    pub fn bucket(&self) -> String {
        let name = format!("keys-{}", self.next.fetch_add(1, Ordering::Relaxed));
        assert_eq!(self.ask_with("PUT", &name, "x-amz-acl: public-read\r\n").status, 200);
        name
    }

    /// Asks for a bucket or `BUCKET/KEY` without credentials.
    pub fn ask(&self, method: &str, path: &str) -> wire::Answer {
        self.ask_with(method, path, "")
    }

    fn ask_with(&self, method: &str, path: &str, headers: &str) -> wire::Answer {
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        );
        wire::exchange(self.port, request.as_bytes(), method == "HEAD").unwrap().expect("an answer")
    }

    /// The environment of a program that uses it.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(self.port)
    }
}

/// The environment of a program that uses a store at this port of this machine.
pub fn environment(port: u16) -> Vec<(String, String)> {
    let all = [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", "tester".into()),
        ("AWS_SECRET_ACCESS_KEY", "a secret that no message repeats".into()),
        ("AWS_REGION", "us-east-1".into()),
    ];
    all.map(|(name, value)| (name.into(), value)).into()
}
