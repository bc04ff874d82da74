//! Disks that are full, and disks that became read-only, under the real program: nothing is acknowledged that is not there, nothing is half done, whoever
//! asks for health is told, and all goes on when there is room again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::calls::call;
use crate::common::node::{Node, until};
use crate::common::published::{edge, verdict};
use crate::common::{Plane, Ran};
use edgelatch_core::verdict::Code;
use serde_json::{Value, json};

/// A small disk of its own, gone when this is dropped.
struct Disk {
    at: PathBuf,
}

/// As root, or by `sudo` where it asks for nothing.
fn as_root(args: &[&str]) -> bool {
    let quiet = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    quiet(args[0], &args[1..]) || quiet("sudo", &[&["-n"], args].concat())
}

impl Disk {
    /// A disk of so many megabytes over a directory. None where this user may mount none, which is said, and an error where `CI` is set.
    fn over(at: &Path, megabytes: u32) -> Option<Disk> {
        fs::create_dir_all(at).unwrap();
        let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
        let options = format!("size={megabytes}m,mode=700,uid={uid}");
        if as_root(&["mount", "-t", "tmpfs", "-o", &options, "edgelatch-test", at.to_str().unwrap()]) {
            return Some(Disk { at: at.into() });
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "no disk can be mounted: run the tests as root, or with a sudo that asks for nothing"
        );
        // Past the harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: no disk can be mounted without being root");
        None
    }

    /// Leaves so many bytes of it.
    fn fill(&self, left: usize) {
        let path = self.at.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
        let taken = file.metadata().unwrap().len();
        file.set_len(taken - left as u64).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }

    /// As the system does with a disk that has errors.
    fn turn(&self, way: &str) {
        assert!(as_root(&["mount", "-o", &format!("remount,{way}"), self.at.to_str().unwrap()]), "remounted {way}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also while a process of a test that failed has files open there.
        as_root(&["umount", "-l", self.at.to_str().unwrap()]);
    }
}

/// A control plane in a data directory that is a disk of its own.
fn plane(megabytes: u32) -> Option<(Disk, Plane, String)> {
    let p = Plane::empty();
    let disk = Disk::over(&p.data(), megabytes)?;
    p.ok(&["init", "--realm", "acme"]);
    let (_, secret) = p.create(&["--name", "first", "--role", "reader"]);
    p.ok(&["publish"]);
    Some((disk, p, secret))
}

/// The code of a command that must fail, and says where.
fn fails(ran: &Ran, what: &str) -> String {
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{what}: {}", ran.err);
    let line = ran.err.lines().last().unwrap();
    let error: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{what}: {}", ran.err));
    error["error"]["code"].as_str().unwrap().into()
}

/// A write, a publication and a backup to the disk fail, each with one of its codes.
fn commands_fail(p: &Plane, codes: &[(&str, &[&str])]) {
    let here = p.data().join("here.backup");
    let commands: [(&str, &[&str]); 3] = [
        ("write", &["keys", "create", "--name", "lost"]),
        ("publish", &["publish"]),
        ("backup", &["backup", here.to_str().unwrap()]),
    ];
    for (what, args) in commands {
        let ran = p.run(&[&["--json"], args].concat());
        let (code, (_, expected)) = (fails(&ran, what), codes.iter().find(|(of, _)| *of == what).unwrap());
        assert!(expected.contains(&code.as_str()), "{what}: {}", ran.err);
    }
    assert!(!here.exists());
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let Some((disk, p, secret)) = plane(8) else { return };
    let before = (fs::read(p.published("head")).unwrap(), fs::read(p.published("bundle")).unwrap());
    disk.fill(0);
    commands_fail(
        &p,
        &[
            ("write", &["store_unwritable"]),
            ("publish", &["store_unwritable", "io"]),
            ("backup", &["store_unwritable", "backup_stopped"]),
        ],
    );
    // What edges get is what was there.
    assert!(before == (fs::read(p.published("head")).unwrap(), fs::read(p.published("bundle")).unwrap()));
    assert_eq!(verdict(&mut edge(&p), &secret), Code::Valid);
    disk.free();
    let names: Vec<String> = listed(&p);
    assert_eq!(names, ["first"]);
    p.ok(&["audit", "verify"]);
    let (_, second) = p.create(&["--name", "second"]);
    p.ok(&["publish"]);
    let mut edge = edge(&p);
    assert_eq!((verdict(&mut edge, &secret), verdict(&mut edge, &second)), (Code::Valid, Code::Valid));
    p.ok(&["backup", p.data().join("here.backup").to_str().unwrap()]);
}

fn listed(p: &Plane) -> Vec<String> {
    let list = p.json(&["keys", "list"]);
    let mut names: Vec<String> =
        list["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().into()).collect();
    names.sort();
    names
}

/// There is room for one transaction and not for an epoch: then the change is there, and is published later.
#[test]
fn a_disk_that_is_full_in_the_middle_shows_the_epoch_before() {
    let Some((disk, p, secret)) = plane(8) else { return };
    let epoch = || p.json(&["inspect", p.published("head").to_str().unwrap()])["epoch"].as_u64();
    let (mut shown, mut written) = (epoch(), 0);
    // From no room to some, in steps smaller than what any file takes.
    for left in (0..=160).map(|pages| pages * 4096) {
        disk.fill(left);
        written += u32::from(p.run(&["keys", "create", "--name", &format!("k{left}")]).code == 0);
        let published = p.run(&["--json", "publish"]).code == 0;
        disk.free();
        // Whole, whatever it is; and no other than was said.
        assert_eq!(verdict(&mut edge(&p), &secret), Code::Valid, "{left} bytes left");
        assert_eq!(epoch() > shown, published, "{left} bytes left");
        shown = epoch();
        if published && written > 0 {
            break;
        }
    }
    assert!(written > 0, "nothing could be written");
    p.ok(&["publish"]);
    let names = listed(&p);
    assert!(names.len() > written as usize, "{names:?}");
    p.ok(&["audit", "verify"]);
}

#[test]
fn a_full_disk_restores_nothing() {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "first", "--role", "reader"]);
    let lines: String = (0..500).map(|n| format!("a{n:031x}{:032x},key {n}\n", 1)).collect();
    p.ok(&["keys", "import", &p.file("keys.csv", &format!("sha256,name\n{lines}")), "--role", "reader"]);
    p.ok(&["publish"]);
    let backup = p.beside("a.backup").to_str().unwrap().to_owned();
    p.ok(&["backup", &backup, "--with-keys"]);
    let other = Plane::empty();
    let Some(disk) = Disk::over(&other.data(), 8) else { return };
    for left in [0, 64 << 10, 300 << 10, 600 << 10] {
        disk.fill(left);
        fails(&other.run(&["--json", "restore", &backup]), &format!("{left} bytes left"));
        assert!(!other.data().join("registry.db").exists(), "{left}");
        disk.free();
        // Nothing keeps the next one from it.
        fs::remove_dir_all(other.data().join("keys")).ok();
    }
    other.ok(&["restore", &backup]);
    other.ok(&["publish"]);
    assert_eq!(verdict(&mut edge(&other), &secret), Code::Valid);
}

/// The server says so, acknowledges nothing, and goes on serving what it has; with room again, it is well by itself.
#[test]
fn a_server_on_a_full_disk_says_so_and_goes_on_later() {
    let Some((disk, p, secret)) = plane(16) else { return };
    let admin = p.create(&["--realm", "management", "--name", "writes", "--role", "administrator"]).1;
    let node = Node::start(&p.data(), &[]);
    let create = |name: &str| {
        call(node.addr(), "POST /api/v1/realms/acme/keys", &admin, &json!({ "org": "main", "name": name })).unwrap()
    };
    let codes = || {
        let (_, health) = call(node.addr(), "GET /healthz", "", &Value::Null).unwrap();
        let troubles = health["troubles"].as_array().unwrap().clone();
        troubles
            .iter()
            .map(|one| format!("{} {}", one["place"].as_str().unwrap(), one["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    until("it is well", || node.health() == 200 && codes().is_empty());
    // Between a twentieth and a tenth of it: a warning while there is time.
    disk.fill(1_200_000);
    until("it is warned of", || node.health() == 200 && codes().iter().any(|code| code == "disk nearly_full"));
    disk.fill(0);
    // Some may still find room in what the database has taken before.
    let mut there = Vec::new();
    until("nothing is taken any more", || {
        let name = format!("k{}", there.len());
        let (status, answer) = create(&name);
        if status == 201 {
            there.push(name);
            return false;
        }
        assert!(status >= 500, "{status} {answer}");
        assert!(!answer.to_string().contains(p.data().to_str().unwrap()), "{answer}");
        true
    });
    until("it is told of", || node.health() == 503 && codes().iter().any(|code| code == "disk full"));
    let epoch = node.epoch();
    assert!(epoch.is_some(), "edges go on");
    assert_eq!(verdict(&mut edge(&p), &secret), Code::Valid);
    disk.free();
    until("it is well again by itself", || node.health() == 200 && codes().is_empty());
    let (status, made) = create("after");
    assert_eq!(status, 201, "{made}");
    until("it is published", || {
        node.epoch() > epoch && verdict(&mut edge(&p), made["secret"].as_str().unwrap()) == Code::Valid
    });
    there.extend(["after".into(), "first".into()]);
    there.sort();
    assert_eq!(listed(&p), there);
    p.ok(&["audit", "verify"]);
}

#[test]
fn a_read_only_disk_takes_nothing_and_shows_what_was_there() {
    let Some((disk, p, secret)) = plane(8) else { return };
    disk.turn("ro");
    commands_fail(
        &p,
        &[
            ("write", &["store_unwritable", "store_read_only"]),
            ("publish", &["store_unwritable", "store_read_only", "io"]),
            ("backup", &["io", "backup_stopped", "store_unwritable", "store_read_only"]),
        ],
    );
    assert_eq!(p.verify(&secret, &[]).0, 0);
    let ran = p.run(&["--json", "serve", "--addr", "127.0.0.1:0"]);
    fails(&ran, "serve");
    let other = Plane::empty();
    let restored = other.data();
    let backup = p.beside("a.backup").to_str().unwrap().to_owned();
    disk.turn("rw");
    p.ok(&["backup", &backup]);
    let Some(second) = Disk::over(&restored, 8) else { return };
    second.turn("ro");
    fails(&other.run(&["--json", "restore", &backup]), "restore");
    second.turn("rw");
    other.ok(&["restore", &backup]);
    assert_eq!(listed(&other), ["first"]);
    p.create(&["--name", "second"]);
    p.ok(&["publish"]);
    p.ok(&["audit", "verify"]);
}

/// A target's disk becomes read-only under a server: told of at its place, the others go on, and it catches up.
#[test]
fn a_target_that_became_read_only_is_told_of_and_catches_up() {
    let p = Plane::new();
    let mirror = p.beside("mirror");
    let Some(disk) = Disk::over(&mirror, 8) else { return };
    let node = Node::start(&p.data(), &["--to", mirror.to_str().unwrap()]);
    let shows =
        |dir: &Path| fs::read(dir.join("head")).ok().map(|head| edgelatch_core::head::Head::inspect(&head).unwrap().epoch);
    let theirs = mirror.join("r/acme");
    until("both show it", || shows(&theirs).is_some() && shows(&theirs) == node.epoch() && node.health() == 200);
    let failing = || {
        let (_, health) = call(node.addr(), "GET /healthz", "", &Value::Null).unwrap();
        health["troubles"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["place"] == "realm/acme/target" && one["severity"] == "failing")
    };
    for turn in ["ro", "full"] {
        let before = shows(&theirs);
        if turn == "ro" {
            disk.turn("ro")
        } else {
            disk.fill(0)
        }
        let (_, secret) = p.create(&["--name", turn]);
        until("the node shows it", || node.epoch() > before && verdict(&mut edge(&p), &secret) == Code::Valid);
        until("it is told of", || failing() && node.health() == 503);
        assert_eq!(shows(&theirs), before);
        if turn == "ro" {
            disk.turn("rw")
        } else {
            disk.free()
        }
        until("it catches up", || shows(&theirs) == node.epoch() && shows(&theirs) > before && node.health() == 200);
    }
}
