//! What a server logs, as a test hears it: one JSON object a line.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Dispatch;

/// A log in memory.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What writes into it, everything down to the finest level.
    pub fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::TRACE);
        Dispatch::new(lines.with_writer(move || log.clone()).finish())
    }

    /// All of it so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines so far that say this.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        let all = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
        all.into_iter().filter(|line| line["message"] == message).collect()
    }

    /// Waits for the line with this number, from 0, that says this.
    pub fn wait(&self, message: &str, number: usize) -> Value {
        for _ in 0..500 {
            if let Some(line) = self.lines(message).into_iter().nth(number) {
                return line;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("nothing said `{message}` {} times: {}", number + 1, self.text());
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
