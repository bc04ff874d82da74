//! What a directory promises beyond what every target does.

use std::fs;

use edgelatch_sync::{Directory, Item, Target};

/// A disk that was full for a moment, a directory in the way: what was begun then is in nobody's way later.
#[test]
fn a_write_that_failed_hinders_no_later_one() {
    let temp = tempfile::tempdir().unwrap();
    let directory = Directory::new(temp.path());
    directory.prepare().unwrap();
    fs::create_dir(temp.path().join("bundle")).unwrap();
    directory.write(Item::Bundle, b"one").unwrap_err();
    assert_eq!(fs::read_dir(temp.path().join(".edgelatch/tmp")).unwrap().count(), 0);
    fs::remove_dir(temp.path().join("bundle")).unwrap();
    directory.write(Item::Bundle, b"two").unwrap();
    assert_eq!(directory.read(Item::Bundle).unwrap().unwrap(), b"two");
}

/// As processes of several machines, or containers, which may have the same number.
#[test]
fn who_writes_the_same_file_at_the_same_time_is_not_in_each_others_way() {
    let temp = tempfile::tempdir().unwrap();
    let directory = Directory::new(temp.path());
    directory.prepare().unwrap();
    let write = |byte: u8| {
        let directory = Directory::new(temp.path());
        (0..50).for_each(|_| directory.write(Item::Bundle, &[byte; 100_000]).unwrap());
    };
    std::thread::scope(|scope| (0..4).for_each(|byte| drop(scope.spawn(move || write(byte)))));
    let found = directory.read(Item::Bundle).unwrap().unwrap();
    assert!(found.len() == 100_000 && found.iter().all(|byte| *byte == found[0]));
}
