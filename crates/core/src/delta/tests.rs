use super::*;
use alloc::vec;

/// What a sound delta does, told again in the plainest way.
fn operations(delta: &[u8]) -> usize {
    let mut reader = Reader::inside(delta, OBJECT);
    let mut count = 0;
    while !reader.rest().is_empty() {
        let word = reader.varint().unwrap();
        if word & 1 == 1 {
            reader.bytes(size(word >> 1)).unwrap();
        } else {
            reader.varint().unwrap();
        }
        count += 1;
    }
    count
}

/// A generator with a period of its own for each seed: the same inputs on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).unwrap() % limit.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| u8::try_from(self.next() & 0xff).unwrap()).collect()
    }
}

#[test]
fn what_was_made_makes_the_new_object() {
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let len = numbers.below(5_000);
        let old = numbers.bytes(len);
        let mut new = old.clone();
        for _ in 0..numbers.below(6) {
            let (from, len) = (numbers.below(new.len() + 1), numbers.below(60));
            let to = (from + len).min(new.len());
            match numbers.below(4) {
                0 => drop(new.drain(from..to)),
                1 => new = [&new[..from], &numbers.bytes(len), &new[from..]].concat(),
                2 => new[from..to].iter_mut().for_each(|b| *b ^= 0x55),
                _ => {
                    let moved = new[from..to].to_vec();
                    let to = numbers.below(new.len() + 1);
                    new = [&new[..to], &moved, &new[to..]].concat();
                }
            }
        }
        let delta = make(&old, &new);
        assert_eq!(apply(&old, &delta, new.len()).unwrap(), new, "seed {seed}");
        assert!(delta.len() <= new.len() + 5, "seed {seed}");
        assert_eq!(make(&old, &new), delta);
    }
}

#[test]
fn a_small_change_takes_a_small_delta() {
    let mut numbers = Numbers(1);
    let old = numbers.bytes(9_000);
    let mut new = old.clone();
    new[4_000..4_032].copy_from_slice(&numbers.bytes(32));
    assert!(make(&old, &new).len() <= 32 + 12);
    assert_eq!(make(&old, &old).len(), 4);
    assert!(make(&old, &[]).is_empty());
    // Everything moved by a few bytes, and a piece of the end now first.
    let moved = [&old[8_000..], &[7, 7, 7], &old[..8_000]].concat();
    assert!(make(&old, &moved).len() <= 24);
    assert_eq!(operations(&make(&old, &moved)), 3);
}

#[test]
fn unlike_objects_cost_no_more_than_the_new_one() {
    let (old, new) = (Numbers(1).bytes(4_000), Numbers(2).bytes(4_000));
    assert!(make(&old, &new).len() <= 4_003);
    assert_eq!(apply(&[], &make(&[], &new), new.len()).unwrap(), new);
    let zeros = vec![0; 200_000];
    assert!(make(&zeros, &vec![0; 150_000]).len() < 20);
}

/// Each is refused, and none makes more room than was announced.
#[test]
fn attacks() {
    let old = b"0123456789";
    let refused: &[(&str, &[u8], usize, &str)] = &[
        ("ends early", &[10, 0], 6, "wrong_count"),
        ("makes one byte too many", &[10, 0, 3, b'x'], 5, "wrong_count"),
        ("a bomb: much more than was announced", &[0xfe, 0xff, 0xff, 0xff, 0x0f, 0], 5, "wrong_count"),
        ("copies beyond the end", &[22, 0], 11, "bad_reference"),
        ("begins beyond the end", &[2, 20], 1, "bad_reference"),
        ("begins before the beginning", &[2, 1], 1, "bad_reference"),
        ("a distance that leaves 32 bits", &[2, 0xff, 0xff, 0xff, 0xff, 0x0f], 1, "bad_reference"),
        ("copies nothing", &[0, 0], 0, "bad_field"),
        ("inserts nothing", &[1], 0, "bad_field"),
        ("inserts more than there is", &[7, b'x', b'y'], 3, "truncated"),
        ("ends within a number", &[0x8a], 5, "truncated"),
        ("a number with a superfluous byte", &[0x8a, 0x00, 0], 5, "bad_field"),
        ("a number beyond 32 bits", &[0xff, 0xff, 0xff, 0xff, 0x1f, 0], 5, "bad_field"),
        ("a number of six bytes", &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 5, "bad_field"),
    ];
    for (about, delta, len, code) in refused {
        assert_eq!(apply(old, delta, *len).unwrap_err().code(), *code, "{about}");
    }
    // The same byte again and again: overlapping copies are allowed, and bounded like all others.
    let copies = |count: usize| [[2u8, 0].as_slice(), &[2, 1].repeat(count - 1)].concat();
    assert_eq!(apply(old, &copies(4), 4).unwrap(), b"0000");
    assert!(apply(old, &copies(MAX_DELTA_OPERATIONS), MAX_DELTA_OPERATIONS).is_ok());
    let more = MAX_DELTA_OPERATIONS + 1;
    assert_eq!(apply(old, &copies(more), more).unwrap_err().code(), "too_long");
    assert_eq!(apply(old, &[], 0).unwrap(), b"");
}

#[test]
fn no_bytes_make_it_panic_or_go_beyond_what_was_announced() {
    for seed in 0..20_000 {
        let mut numbers = Numbers(seed);
        let (old_len, len, delta_len) = (numbers.below(40), numbers.below(40), numbers.below(24));
        let (old, mut delta) = (numbers.bytes(old_len), numbers.bytes(delta_len));
        // Small numbers are sound more often.
        delta.iter_mut().filter(|_| seed % 2 == 0).for_each(|b| *b &= 0x0f);
        if let Ok(new) = apply(&old, &delta, len) {
            assert!(new.len() == len && new.capacity() == len);
        }
    }
}

#[test]
fn a_change_in_too_many_places_is_told_whole() {
    let old = Numbers(3).bytes(3 << 20);
    let mut new = old.clone();
    new.iter_mut().step_by(24).for_each(|b| *b ^= 1);
    let delta = make(&old, &new);
    assert_eq!(operations(&delta), 1);
    assert_eq!(apply(&old, &delta, new.len()).unwrap(), new);
}
