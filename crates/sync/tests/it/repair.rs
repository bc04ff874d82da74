//! What somebody deletes at a target comes back with the next epoch, whoever publishes it.

use std::fs;

use crate::common::{plane, publisher};
use edgelatch_sync::{Directory, Reason, Target};

/// A publisher that has just been started knows nothing of its targets but their heads, until it looks through them.
#[test]
fn what_was_deleted_while_the_publisher_was_away_comes_back() {
    let p = plane();
    p.create("one");
    let tree = p.publish().unwrap().tree;
    for gone in [format!("objects/{tree}"), "root/1".into(), "bundle".into()] {
        let path = p.dir.realm(&p.realm).join(&gone);
        let before = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let (again, target) = (publisher(&p.dir, &p.registry, &p.realm), p.target());
        let targets: [&dyn Target; 1] = [&target];
        assert_eq!(again.due(&targets).unwrap(), None, "the head is there");
        again.look_through(&targets).unwrap();
        assert_eq!(again.due(&targets).unwrap(), Some(Reason::Repair), "{gone}");
        assert_eq!(again.publish_if_due(&targets).unwrap().unwrap().reason, Reason::Repair);
        let after = fs::read(&path).unwrap();
        assert!(after == before || gone == "bundle", "{gone}");
        assert_eq!(again.due(&targets).unwrap(), None);
        again.look_through(&targets).unwrap();
        assert_eq!(again.due(&targets).unwrap(), None, "all of it is there");
    }
}

/// One target that is whole costs the other one nothing, and each is looked through on its own.
#[test]
fn of_several_targets_the_one_that_lacks_something_gets_it() {
    let p = plane();
    p.create("one");
    let (one, two) = (p.target(), Directory::new(p.dir.path().join("two")));
    let targets: [&dyn Target; 2] = [&one, &two];
    let published = p.publisher.publish(&targets).unwrap();
    let lost = two.path().join("objects").join(&published.tree);
    fs::remove_file(&lost).unwrap();
    let again = publisher(&p.dir, &p.registry, &p.realm);
    again.look_through(&targets).unwrap();
    let repaired = again.publish_if_due(&targets).unwrap().unwrap();
    assert_eq!((repaired.reason, repaired.written.iter().map(|w| w.objects).collect::<Vec<_>>()), (Reason::Repair, vec![0, 1]));
    assert!(lost.exists());
}
