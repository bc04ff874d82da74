//! Sign-ins to the console: when they end, on either store.

use edgelatch_core::key::KeyId;
use edgelatch_registry::limits::{SESSION_IDLE, SESSION_LIFE, SESSION_NOTED, SESSIONS_OF_KEY};
use edgelatch_registry::{Database, restore_backup, verify_backup};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, env};

on_both_stores! {
    start: edgelatch_testkit::registry::Fixture::new;
    a_sign_in_ends, a_key_has_only_so_many, what_ended_is_removed, a_backup_signs_nobody_in,
}

fn digest(n: u8) -> [u8; 32] {
    [n; 32]
}

const KEY: KeyId = KeyId(7);
const OPENER: &[u8; 32] = &[9; 32];

fn is_open(f: &Fixture, n: u8) -> bool {
    f.registry.sign_ins().find(&digest(n)).unwrap().is_some()
}

fn a_sign_in_ends(f: Fixture) {
    let all = f.registry.sign_ins();
    for n in 1..=4 {
        all.begin(&digest(n), KEY, OPENER).unwrap();
    }
    let found = all.find(&digest(1)).unwrap().unwrap();
    assert_eq!((found.key_id, &found.opener), (KEY.to_string(), OPENER));
    assert!(!is_open(&f, 9));
    // The same cookie cannot be begun twice.
    assert!(all.begin(&digest(1), KeyId(8), OPENER).is_err());
    // Signing out.
    all.end(&digest(2)).unwrap();
    assert!(!is_open(&f, 2) && is_open(&f, 1));
    // One that is used goes on beyond the time without a use, one that is not ends.
    f.advance(SESSION_IDLE - 1);
    assert!(is_open(&f, 1));
    f.advance(SESSION_NOTED);
    assert!(is_open(&f, 1) && !is_open(&f, 3));
    // What ended stays so, also where the clock goes back.
    f.clock.fetch_sub(SESSION_NOTED, std::sync::atomic::Ordering::SeqCst);
    assert!(!is_open(&f, 3));
    // However much it is used, it ends.
    for _ in 0..SESSION_LIFE / SESSION_NOTED {
        f.advance(SESSION_NOTED);
        is_open(&f, 1);
    }
    assert!(!is_open(&f, 1));
}

fn a_key_has_only_so_many(f: Fixture) {
    let all = f.registry.sign_ins();
    all.begin(&digest(200), KeyId(8), OPENER).unwrap();
    let most = u8::try_from(SESSIONS_OF_KEY).unwrap();
    for n in 0..=most {
        f.advance(1);
        all.begin(&digest(n), KEY, OPENER).unwrap();
    }
    assert!(!is_open(&f, 0) && is_open(&f, 1) && is_open(&f, most) && is_open(&f, 200));
    // Everywhere at once, and nobody else.
    assert_eq!(all.end_all(&KEY.to_string()).unwrap(), SESSIONS_OF_KEY);
    assert!(!is_open(&f, most) && is_open(&f, 200));
}

fn what_ended_is_removed(f: Fixture) {
    f.registry.sign_ins().begin(&digest(1), KEY, OPENER).unwrap();
    f.advance(SESSION_IDLE);
    f.registry.purge().unwrap();
    assert_eq!(f.rows("SELECT key_id FROM console_sessions").len(), 1);
    f.advance(1);
    f.registry.purge().unwrap();
    assert!(f.rows("SELECT key_id FROM console_sessions").is_empty());
}

/// Whoever signed out after it was taken would be signed in again.
fn a_backup_signs_nobody_in(f: Fixture) {
    f.registry.sign_ins().begin(&digest(1), KEY, OPENER).unwrap();
    let mut bytes = Vec::new();
    f.registry.backup(&mut bytes, &[], &mut |_| {}).unwrap();
    let backup = verify_backup(&mut &*bytes).unwrap();
    let open = || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn std::io::BufRead>);
    let restored = Database::file(f.dir.path().join("restored.db"));
    let restored = restore_backup(&restored, env(&f.clock), &backup, &open, &mut |_| {}).unwrap();
    assert!(restored.sign_ins().find(&digest(1)).unwrap().is_none());
    assert!(is_open(&f, 1));
}
