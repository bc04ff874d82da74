//! What a person at a terminal is asked.
#![cfg(unix)]

mod common;

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;

use common::{Plane, Ran};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command whose standard input is a terminal at which somebody types.
fn typing(p: &Plane, args: &[&str], text: &str) -> Ran {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let screen = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut hand = std::fs::File::from(terminal);
    hand.write_all(text.as_bytes()).unwrap();
    let mut command = p.command(args);
    let child = command.stdin(Stdio::from(screen)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_name_is_asked_for_before_a_key_is_deleted() {
    for preset in ["default", "vergeos"] {
        let p = Plane::with(preset);
        let (id, _) = p.create(&["--name", "CI deploy"]);
        for wrong in ["no\n", "\n", "ci deploy\n", "\u{4}"] {
            let ran = typing(&p, &["keys", "delete", &id], wrong);
            assert!(
                ran.code == 2 && ran.err.contains("type its name, CI deploy") && ran.out.is_empty(),
                "{wrong:?}: {}",
                ran.err
            );
        }
        let ran = typing(&p, &["keys", "delete", &id], "CI deploy\n");
        assert!(ran.code == 0 && ran.out.starts_with("deleted key_"), "{}", ran.err);
        // Told on the command line, it is not asked for.
        let (id, _) = p.create(&["--name", "CI deploy"]);
        let ran = typing(&p, &["keys", "delete", &id, "--confirm", "CI deploy"], "");
        assert!(ran.code == 0 && !ran.err.contains("type its name"), "{}", ran.err);
    }
}

#[test]
fn and_before_a_rotation_where_the_org_wants_it() {
    let p = Plane::with("valar");
    let (id, old) = p.create(&["--name", "api"]);
    assert_eq!(typing(&p, &["keys", "rotate", &id], "other\n").code, 2);
    let ran = typing(&p, &["keys", "rotate", &id], "api\n");
    assert!(ran.code == 0 && ran.out.starts_with("vsp_sk_") && ran.out.trim() != old, "{}", ran.err);
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "api"]);
    assert_eq!(typing(&p, &["keys", "rotate", &id], "").code, 0, "not asked where it need not be typed");
}
