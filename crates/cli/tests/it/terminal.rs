//! What a person at a terminal is asked, and sees.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Stdio;

use crate::common::{Plane, Ran};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr;

/// A terminal: where somebody sits, and what programs are given.
fn terminal() -> (File, File) {
    let hand = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&hand).unwrap();
    unlockpt(&hand).unwrap();
    let name = ptsname(&hand, Vec::new()).unwrap();
    let screen = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (hand.into(), screen)
}

/// Runs a command whose standard input is a terminal at which somebody types.
fn typing(p: &Plane, args: &[&str], text: &str) -> Ran {
    let (mut hand, screen) = terminal();
    hand.write_all(text.as_bytes()).unwrap();
    let mut command = p.command(args);
    let child = command.stdin(Stdio::from(screen)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.wait_with_output().unwrap().into()
}

/// Runs a command whose standard output is a terminal of so many columns: the lines that it shows, and what it says beside them.
fn shown(p: &Plane, args: &[&str], columns: u16) -> (Vec<String>, String) {
    let (mut hand, screen) = terminal();
    tcsetwinsize(&screen, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        // Ends in an error once nobody has the other end open.
        let _ = hand.read_to_end(&mut seen);
        String::from_utf8(seen).unwrap()
    });
    let mut command = p.command(args);
    command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::from(screen)).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    drop(command);
    let lines = reader.join().unwrap().lines().map(str::to_owned).collect();
    (lines, String::from_utf8(output.stderr).unwrap())
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

#[test]
fn and_before_a_root_is_signed() {
    let p = Plane::new();
    for no in ["n\n", "\n", "yess\n", "\u{4}"] {
        let ran = typing(&p, &["trust", "extend"], no);
        assert!(
            ran.code == 2 && ran.err.contains("sign and publish this root? [y/N]") && ran.out.is_empty(),
            "{no:?}: {}",
            ran.err
        );
        assert!(ran.err.contains("Root 2 of realm acme"), "shown before it is asked: {}", ran.err);
    }
    let ran = typing(&p, &["trust", "extend"], "y\n");
    assert!(ran.code == 0 && ran.out.contains("published root 2"), "{}{}", ran.out, ran.err);
}

#[test]
fn tables_fit_the_terminal_and_say_what_they_leave_out() {
    let p = Plane::new();
    let name = "製品の鍵".repeat(8);
    p.create(&["--name", &name, "--scope", "cdn,dns"]);
    p.create(&["--name", "ci", "--expires", "2099-01-31", "--allow", "10.0.0.0/8"]);
    let lists: [&[&str]; 5] =
        [&["keys", "list"], &["audit", "list"], &["orgs", "list"], &["roles", "list"], &["explain", "address", "10.0.0.1"]];
    for columns in [40, 80, 100, 130] {
        for list in lists {
            let (lines, beside) = shown(&p, list, columns);
            assert!(lines.len() > 1 && lines.iter().all(|line| line.width() <= usize::from(columns)), "{columns}: {lines:#?}");
            let whole = p.ok(list);
            let head = whole.lines().next().unwrap();
            let left_out = lines[0].split_whitespace().ne(head.split_whitespace());
            assert_eq!(beside.contains("left out: ") && beside.contains("--wide"), left_out, "{columns}: {beside}");
        }
    }
    let (lines, beside) = shown(&p, &["keys", "list"], 80);
    assert!(lines[0].starts_with("KEY ID") && lines[0].contains("EXPIRES") && !lines[0].contains("CREATED"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("2099-01-31T00:00:00Z")), "a time is shown whole: {lines:#?}");
    assert!(lines.iter().any(|line| line.contains("製品の鍵製…") || line.contains("製品の鍵製品…")), "{lines:#?}");
    assert!(beside.contains("CREATED"), "{beside}");
    let (wide, beside) = shown(&p, &["--wide", "keys", "list"], 80);
    assert!(wide[0].ends_with("CREATED") && wide.iter().any(|line| line.contains(&name)) && beside.is_empty(), "{wide:#?}");
}

#[test]
fn a_pipe_gets_tables_whole() {
    let p = Plane::new();
    let name = "n".repeat(128);
    p.create(&["--name", &name]);
    let list = p.ok(&["keys", "list"]);
    assert!(list.lines().next().unwrap().ends_with("CREATED") && list.contains(&name), "{list}");
}
