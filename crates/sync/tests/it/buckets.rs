//! What only a bucket can go wrong in: other publishers without a lock, stores that do not answer, refuse or ignore what they are asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use edgelatch_core::build::{HeadFields, Tree, encode_bundle, sign_head};
use edgelatch_core::head::Head;
use edgelatch_core::root::Root;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::RootRow;
use edgelatch_sync::{Address, Bucket, Directory, Error, Held, Item, Publication, Shown, Target};
use edgelatch_testkit::realm::{self, T0, head_fields, record, signers};
use edgelatch_testkit::s3;

fn open(port: u16, bucket: &str) -> Bucket {
    let address: Address = format!("s3://{bucket}/r/acme").parse().unwrap();
    Bucket::open(&address, s3::environment(port)).unwrap()
}

fn tree(seed: u64) -> Tree {
    realm::tree((seed * 1000..seed * 1000 + 600).map(record).collect())
}

fn head_of(epoch: u64, tree: &Tree) -> Vec<u8> {
    sign_head(&HeadFields { issued_at: T0, ..head_fields(epoch, tree) }, &signers(&[101])).unwrap()
}

/// Puts an epoch; `in_between` happens right before its head is written.
fn put(target: &dyn Target, epoch: u64, tree: &Tree, in_between: &(dyn Fn() + Sync)) -> Result<(), Error> {
    let roots = [RootRow { version: 1, object: realm::root() }];
    let head = head_of(epoch, tree);
    let publication = Publication { realm: "acme", epoch, now: T0, head: &head, roots: &roots, tree, patches: &[] };
    let (between, mut held) = (Between(target, in_between), Held::default());
    publication.put(&between, &mut held, &|| {})?;
    publication.finish(target, &mut held, &encode_bundle(&head, tree).unwrap()).map(drop)
}

/// The epoch that is shown, whose tree must be there in full.
fn shown(target: &dyn Target, trees: &[&Tree]) -> u64 {
    let read = |item| target.read(item).unwrap().unwrap_or_else(|| panic!("{item} is not there"));
    let head = Head::open(&read(Item::Head), &Root::open(&read(Item::Root(1))).unwrap()).unwrap();
    let tree = trees.iter().find(|tree| tree.id() == head.tree).expect("a tree of these");
    for object in tree.objects() {
        assert_eq!(read(Item::Object(ObjectId::of(object))), object);
    }
    head.epoch
}

/// A target whose head is written a moment later.
struct Between<'a>(&'a dyn Target, &'a (dyn Fn() + Sync));

impl std::fmt::Debug for Between<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Target for Between<'_> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(item)
    }

    fn head(&self) -> Result<(Option<Vec<u8>>, edgelatch_sync::Version), Error> {
        self.0.head()
    }

    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(item, bytes)
    }

    fn replace_head(&self, bytes: &[u8], seen: &edgelatch_sync::Version) -> Result<(), Error> {
        self.1();
        self.0.replace_head(bytes, seen)
    }

    fn settle(&self) -> Result<(), Error> {
        self.0.settle()
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.0.list()
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.0.remove(item)
    }
}

/// A publisher that was held up right before it wrote its head, while another one published: the newer head stays, and with it its tree.
#[test]
fn whoever_was_held_up_does_not_put_an_older_head_over_a_newer_one() {
    let Some(server) = s3::server() else { return };
    let (name, one, two) = (server.bucket(), tree(1), tree(2));
    let [slow, quick] = [open(server.port, &name), open(server.port, &name)];
    // Also where there was no head yet.
    for (old, new) in [(1, 2), (3, 4)] {
        let late = put(&slow, old, &one, &|| put(&quick, new, &two, &|| {}).unwrap());
        assert_eq!(late.unwrap_err().code(), "target_taken");
        assert_eq!(shown(&quick, &[&one, &two]), new);
    }
    assert_eq!((slow.weakness(), quick.weakness()), (None, None));
    put(&slow, 5, &one, &|| {}).unwrap();
    assert_eq!(shown(&quick, &[&one, &two]), 5);
}

/// Hands each connection on to the S3 server, with what the client sends changed: of what it replaces, each text is as long as the other.
fn proxy(to: u16, replace: [&'static str; 2]) -> u16 {
    assert_eq!(replace[0].len(), replace[1].len());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut back, &mut { client }));
            thread::spawn(move || {
                let (mut server, mut buffer) = (server, vec![0; 1 << 20]);
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    let mut bytes = buffer[..count].to_vec();
                    while let Some(at) = bytes.windows(replace[0].len()).position(|part| part == replace[0].as_bytes()) {
                        bytes[at..at + replace[0].len()].copy_from_slice(replace[1].as_bytes());
                    }
                    if server.write_all(&bytes).is_err() {
                        return;
                    }
                }
                let _ = server.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    port
}

#[test]
fn a_store_that_ignores_conditions_is_found_out() {
    let Some(server) = s3::server() else { return };
    for condition in [["if-none-match:", "xx-none-match:"], ["if-match:", "xx-match:"]] {
        let (name, tree) = (server.bucket(), tree(1));
        let target = open(proxy(server.port, condition), &name);
        assert_eq!(target.weakness(), None, "nobody has asked it yet");
        put(&target, 1, &tree, &|| {}).unwrap();
        assert!(target.weakness().is_some_and(|means| means.contains("If-Match")), "{condition:?}");
        put(&target, 2, &tree, &|| {}).unwrap();
        assert_eq!(shown(&target, &[&tree]), 2);
        // What was tried is gone again.
        let listed = String::from_utf8(server.ask("GET", &format!("{name}?list-type=2")).body).unwrap();
        assert!(listed.contains("r/acme/head") && !listed.contains(".edgelatch"), "{listed}");
    }
}

/// Where we may write and not delete, publishing goes on, and what was tried is tried once.
#[test]
fn a_store_that_lets_nobody_delete_is_published_to() {
    let Some(server) = s3::server() else { return };
    let (name, trees) = (server.bucket(), [tree(1), tree(2)]);
    // Deletions are not understood, as by a policy that leaves them out.
    let target = open(denying(server.port, "DELETE "), &name);
    for epoch in 1..=3 {
        put(&target, epoch, &trees[0], &|| {}).unwrap();
    }
    assert_eq!((shown(&target, &[&trees[0]]), target.weakness()), (3, None));
    let listed = String::from_utf8(server.ask("GET", &format!("{name}?list-type=2")).body).unwrap();
    assert_eq!(listed.matches("r/acme/.edgelatch/").count(), 1, "{listed}");
    assert_eq!(target.remove(Item::Bundle).unwrap_err().code(), "target_denied");
}

/// Hands connections on to the S3 server, and answers requests that begin so as a store whose policy does not allow them.
fn denying(to: u16, begins: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut from, mut out, mut back) =
                (client.try_clone().unwrap(), client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut back, &mut { client }));
            thread::spawn(move || {
                let (mut server, mut buffer) = (server, vec![0; 1 << 20]);
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    let denied = buffer.starts_with(begins.as_bytes());
                    let sent = if denied { out.write_all(DENIED.as_bytes()) } else { server.write_all(&buffer[..count]) };
                    if sent.is_err() {
                        return;
                    }
                }
                let _ = server.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    port
}

const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 41\r\n\r\n<Error><Code>AccessDenied</Code></Error>\n";

/// Whoever may write to a bucket, or stands before it, cannot make a publisher read gigabytes.
#[test]
fn what_is_longer_than_it_can_be_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::new(dir.path());
    let mut targets: Vec<Box<dyn Target>> = vec![Box::new(directory)];
    // Without end: whoever read it whole would not come back.
    targets.push(Box::new(open(endless(), "keys")));
    std::fs::write(dir.path().join("head"), vec![b'x'; 4097]).unwrap();
    std::fs::create_dir_all(dir.path().join("root")).unwrap();
    std::fs::write(dir.path().join("root/1"), vec![b'x'; 8193]).unwrap();
    let roots = [RootRow { version: 1, object: realm::root() }];
    for target in &targets {
        let begun = Instant::now();
        assert_eq!(target.read(Item::Head).unwrap(), Some(Vec::new()));
        assert_eq!(target.read(Item::Root(1)).unwrap(), Some(Vec::new()));
        assert_eq!(Shown::of(&**target, "acme", &roots).unwrap(), Shown::Unproven);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    // As much as it may have is read.
    std::fs::write(dir.path().join("head"), vec![b'x'; 4096]).unwrap();
    assert_eq!(targets[0].read(Item::Head).unwrap().map(|bytes| bytes.len()), Some(4096));
}

/// A store whose files never end.
fn endless() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                let _ = client.read(&mut buffer);
                let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1099511627776\r\n\r\n";
                let mut sent = client.write_all(head.as_bytes());
                while sent.is_ok() {
                    sent = client.write_all(&buffer);
                }
            });
        }
    });
    port
}

/// A store that answers every request with this, or not at all.
fn answering(answer: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut client in listener.incoming().flatten() {
            let Some(answer) = answer else {
                held.push(client);
                continue;
            };
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(1..) = client.read(&mut buffer) {
                    let _ = client.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

#[test]
fn what_a_store_refuses_is_said_without_what_is_not_for_logs() {
    let denied = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 131\r\n\r\n<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message><StringToSign>AWS4-HMAC-SHA256</StringToSign></Error>";
    let target = open(answering(Some(denied)), "keys");
    for error in [target.read(Item::Head).unwrap_err(), target.write(Item::Head, b"x").unwrap_err(), target.list().unwrap_err()]
    {
        let text = error.to_string();
        assert_eq!(error.code(), "target_denied", "{text}");
        assert!(text.contains("SignatureDoesNotMatch It does not match)"), "{text}");
        assert!(text.contains("s3://keys/r/acme") && text.contains("credentials"), "{text}");
        for secret in ["AWS4-HMAC", "no message repeats", "://127.0.0.1", "tester"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// After the first request that was in vain, nobody waits for such a store again, until it answers.
#[test]
fn a_store_that_hangs_is_waited_for_once() {
    let target = open(answering(None), "keys");
    let first = target.read(Item::Head).unwrap_err();
    assert!(first.code() == "target_unreachable" && first.to_string().contains("no answer within"), "{first}");
    for _ in 0..3 {
        let further = target.write(Item::Head, b"x").unwrap_err();
        assert_eq!(further.code(), "target_unreachable");
        // Said without asking: it would have taken as long again.
        assert!(further.to_string().contains("s ago, and it has not answered since"), "{further}");
    }
}

#[test]
fn a_store_that_is_back_is_asked_again() {
    let Some(server) = s3::server() else { return };
    let (name, tree) = (server.bucket(), tree(1));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = open(port, &name);
    let fails = put(&target, 1, &tree, &|| {}).unwrap_err();
    assert!(fails.code() == "target_unreachable" && fails.to_string().contains("refused"), "{fails}");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let to = server.port;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut up, mut back) = (server.try_clone().unwrap(), server);
            let mut from = client.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut from, &mut up));
            thread::spawn(move || std::io::copy(&mut back, &mut { client }));
        }
    });
    let end = Instant::now() + Duration::from_secs(60);
    while let Err(error) = put(&target, 1, &tree, &|| {}) {
        assert!(error.code() == "target_unreachable" && Instant::now() < end, "{error}");
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(shown(&target, &[&tree]), 1);
}
