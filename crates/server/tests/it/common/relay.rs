//! A relay to a server that can be cut off, and brought to a standstill, while others go on using that server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

/// What becomes of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Open,
    /// They break, and new ones do at once, as where nothing listens.
    Cut,
    /// Nothing passes, and nothing breaks, as where a machine or the network has stopped.
    Hung,
}

/// A relay on an address of its own.
#[derive(Clone)]
pub struct Relay {
    pub addr: SocketAddr,
    way: Arc<Mutex<Way>>,
}

impl Relay {
    pub fn to(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let relay = Relay { addr: listener.local_addr().unwrap(), way: Arc::new(Mutex::new(Way::Open)) };
        let own = relay.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, relay) = (from.try_clone().unwrap(), to.try_clone().unwrap(), own.clone());
                    std::thread::spawn(move || relay.pass(from, to));
                }
            }
        });
        relay
    }

    /// From now on.
    pub fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    fn way(&self) -> Way {
        *self.way.lock().unwrap()
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut buffer = [0; 16_384];
        loop {
            match self.way() {
                Way::Cut => break,
                Way::Hung => {
                    sleep(Duration::from_millis(20));
                    continue;
                }
                Way::Open => {}
            }
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if to.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
