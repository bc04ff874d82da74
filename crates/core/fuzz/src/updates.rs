//! Input: what is offered to an edge over time, true and false, and in which order its objects come.
//!
//! SPEC.md section 7 as a state machine: which head is accepted, what is being served, and that whatever is refused changes nothing.

use arbitrary::{Result, Unstructured};
use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, HostConfig, Offer, RequirementId, Staged};
use edgelatch_core::tree::Place;
use edgelatch_testkit::DAY;
use edgelatch_testkit::realm::{self, T0};
use std::sync::LazyLock;

/// A head that may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    tree: usize,
    epoch: u64,
    root_version: u32,
    issued_at: u64,
    not_after: u64,
    /// Whether it is signed by the publisher of the realm.
    genuine: bool,
}

/// A root of the realm, but for its keys, which all share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    version: u32,
    era: u32,
    min_epoch: u64,
}

/// The roots that there are: those of one version exclude each other.
const VERSIONS: [Version; 6] = [
    Version { version: 1, era: 1, min_epoch: 1 },
    Version { version: 2, era: 1, min_epoch: 3 },
    Version { version: 2, era: 2, min_epoch: 1 },
    Version { version: 3, era: 1, min_epoch: 4 },
    Version { version: 3, era: 2, min_epoch: 2 },
    Version { version: 3, era: 3, min_epoch: 1 },
];
const EXPIRES_AT: u64 = T0 + 3 * DAY;

static ROOTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sign = |root: &Version| {
        let Version { version, era, min_epoch } = *root;
        let fields = RootFields { era, min_epoch, expires_at: EXPIRES_AT, ..realm::root_fields(version) };
        sign_root(&fields, &realm::signers(&[1])).expect("a root")
    };
    VERSIONS.iter().map(sign).collect()
});

/// Key `n` is valid in the trees that have it; the third tree has two shards, and the fourth is the first with a key revoked.
static TREES: LazyLock<Vec<Tree>> = LazyLock::new(|| {
    let revoked = KeyRecord { revoked: true, ..realm::record(1) };
    let crowd = (1..=300).map(realm::record).collect();
    vec![
        realm::tree(vec![realm::record(1), realm::record(2)]),
        realm::tree(vec![realm::record(2), realm::record(3)]),
        realm::tree(crowd),
        realm::tree(vec![revoked, realm::record(2)]),
    ]
});

/// What section 7 says that an edge knows.
struct Model {
    root: Version,
    /// The head and the era under which it was accepted.
    serving: Option<(Fields, u32)>,
    offered: Option<Fields>,
    /// Versions and epochs.
    floors: Vec<(u32, u64)>,
    grace: u64,
}

impl Model {
    /// The root that a chain leads to; every root must follow the one before.
    fn chain(&self, chain: &[usize]) -> Option<Version> {
        chain.iter().try_fold(self.root, |before, next| {
            let next = VERSIONS[*next];
            let goes_on = next.era == before.era && next.min_epoch >= before.min_epoch || next.era == next.version;
            (next.version == before.version + 1 && goes_on).then_some(next)
        })
    }

    /// Rules 2 to 7; the code of the refusal.
    fn judge(&self, root: Version, head: Fields, now: u64) -> std::result::Result<(), &'static str> {
        let refuse = |rule: bool, code| if rule { Err(code) } else { Ok(()) };
        refuse(now >= EXPIRES_AT, "root_expired")?;
        refuse(now + 300 < head.issued_at, "clock_invalid")?;
        refuse(now >= head.not_after + self.grace, "head_expired")?;
        refuse(head.root_version < root.era, "earlier_era")?;
        refuse(self.floors.iter().any(|(version, _)| root.version < *version), "root_needed")?;
        let counts = |(version, epoch): &(u32, u64)| if *version >= root.era { *epoch } else { 0 };
        let least = self.floors.iter().map(counts).fold(root.min_epoch, u64::max);
        refuse(head.epoch < least, "below_floor")?;
        if let Some((serving, era)) = self.serving
            && era == root.era
        {
            refuse(head.epoch < serving.epoch, "rollback")?;
            refuse(head.epoch == serving.epoch && head != serving, "equivocation")?;
        }
        Ok(())
    }

    /// Rule 1 as well.
    fn admit(&self, root: Version, head: Fields, now: u64) -> std::result::Result<(), &'static str> {
        if head.root_version > root.version {
            return Err("root_needed");
        }
        if !head.genuine {
            return Err("too_few_signatures");
        }
        self.judge(root, head, now)
    }

    fn verdict(&self, n: u64, now: u64) -> &'static str {
        let Some((head, _)) = self.serving else { return "snapshot_missing" };
        if now + 300 < head.issued_at {
            return "clock_invalid";
        }
        if now >= head.not_after + self.grace {
            return "snapshot_stale";
        }
        match (head.tree, n) {
            (3, 1) => "revoked",
            (0, 1 | 2) | (1, 2 | 3) | (2, 1..=300) | (3, 2) => "valid",
            _ => "unknown",
        }
    }
}

fn sign(head: Fields) -> Vec<u8> {
    let Fields { tree, epoch, root_version, issued_at, not_after, genuine } = head;
    let fields = HeadFields { root_version, issued_at, not_after, ..realm::head_fields(epoch, &TREES[tree]) };
    sign_head(&fields, &realm::signers(&[if genuine { 101 } else { 102 }])).expect("a head")
}

fn fields(input: &mut Unstructured<'_>) -> Result<Fields> {
    let issued_at = [T0, T0, T0 + 10, T0 + DAY][input.choose_index(4)?];
    Ok(Fields {
        tree: input.choose_index(TREES.len())?,
        epoch: input.int_in_range(1..=6)?,
        root_version: if input.ratio(3, 4)? { 1 } else { input.int_in_range(1..=3)? },
        issued_at,
        not_after: issued_at + [100, DAY][input.choose_index(2)?],
        genuine: !crate::seldom(input, 16)?,
    })
}

fn chain(input: &mut Unstructured<'_>, model: &Model) -> Result<Vec<usize>> {
    let mut chain = Vec::new();
    let mut version = model.root.version;
    while crate::seldom(input, 6)? && chain.len() < 3 {
        let any = crate::seldom(input, 8)?;
        let fit: Vec<usize> = (0..VERSIONS.len()).filter(|at| any || VERSIONS[*at].version == version + 1).collect();
        let Some(at) = fit.get(input.choose_index(fit.len().max(1))?) else { break };
        chain.push(*at);
        version = VERSIONS[*at].version;
    }
    Ok(chain)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let grace = [0, 0, 50][input.choose_index(3)?];
    let mut text = format!("grace={grace}\n");
    let mut floors = Vec::new();
    if crate::seldom(input, 4)? {
        let floor = (input.int_in_range(1..=2)?, input.int_in_range(1..=4)?);
        text += &format!("floor={}:{}\n", floor.0, floor.1);
        floors.push(floor);
    }
    if crate::seldom(input, 4)? {
        let epoch = input.int_in_range(1..=4)?;
        text += &format!("min_epoch={epoch}\n");
        floors.push((1, epoch));
    }
    let mut edge = Edge::new(&ROOTS[0], HostConfig::parse(&text).expect("a configuration")).expect("a root");
    let mut model = Model { root: VERSIONS[0], serving: None, offered: None, floors, grace };
    let mut now = T0;
    for _ in 0..24 {
        if input.is_empty() {
            break;
        }
        match input.int_in_range(0..=7)? {
            0 => {
                now = [T0, T0 + 50, T0 + 99, T0 + 100, T0 + 149, T0 + 150, T0 - 400, T0 + DAY, EXPIRES_AT]
                    [input.choose_index(9)?]
            }
            1..=3 => offer(&mut edge, &mut model, input, now)?,
            4 | 5 => bundle(&mut edge, &mut model, input, now)?,
            _ => objects(&mut edge, &mut model, input, now)?,
        }
        let head = edge.head().map(|head| (head.epoch, head.tree, head.issued_at, head.not_after));
        let wanted = model.serving.map(|(head, _)| (head.epoch, TREES[head.tree].id(), head.issued_at, head.not_after));
        assert_eq!(head, wanted);
        assert_eq!(edge.root_version(), model.root.version);
        for n in [1, 2, 3, 299] {
            let outcome = edge.verify_key(realm::text(n).as_bytes(), None, RequirementId::NONE, now);
            assert_eq!(outcome.code.name(), model.verdict(n, now), "key {n}");
        }
    }
    Ok(())
}

fn roots(chain: &[usize]) -> Vec<&'static [u8]> {
    chain.iter().map(|at| ROOTS[*at].as_slice()).collect()
}

fn offer(edge: &mut Edge, model: &mut Model, input: &mut Unstructured<'_>, now: u64) -> Result<()> {
    let (head, chain) = (fields(input)?, chain(input, model)?);
    let offered = edge.offer(&roots(&chain), &sign(head), now);
    let Some(root) = model.chain(&chain) else {
        assert!(offered.is_err(), "a chain of roots that do not follow");
        return Ok(());
    };
    match (model.admit(root, head, now), offered) {
        (Err("root_needed"), Ok(Offer::RootNeeded)) => {}
        (Err(code), Err(error)) => assert_eq!(error.code(), code, "{head:?}"),
        (Ok(()), Ok(offer)) => {
            let serving = model.serving.map(|(head, _)| head);
            let wanted = match serving {
                Some(serving) if serving == head => Offer::Unchanged,
                Some(serving) if serving.tree == head.tree => Offer::Renewed,
                _ => {
                    let bytes = TREES[head.tree].bytes();
                    model.offered = Some(head);
                    Offer::TreeNeeded { bundle_bytes: bytes + bytes / 8 + (1 << 20) }
                }
            };
            assert_eq!(offer, wanted);
            if !matches!(offer, Offer::TreeNeeded { .. }) {
                model.root = root;
                model.serving = Some((head, root.era));
            }
        }
        (wanted, offer) => panic!("section 7 {wanted:?}, the core {offer:?}: {head:?}"),
    }
    Ok(())
}

/// Commits a candidate that may be used from now on. `head` is the one under which it stands.
fn commit(edge: &mut Edge, model: &mut Model, staged: Staged, root: Version, head: Fields, now: u64) {
    match (model.judge(root, head, now), edge.commit(staged, now)) {
        (Ok(()), Ok(())) => {
            model.root = root;
            model.serving = Some((head, root.era));
            model.offered = None;
        }
        (Err(code), Err(error)) => assert_eq!(error.code(), code),
        (wanted, done) => panic!("section 7 {wanted:?}, the core {done:?}: {head:?}"),
    }
}

fn bundle(edge: &mut Edge, model: &mut Model, input: &mut Unstructured<'_>, now: u64) -> Result<()> {
    let (own, chain) = (fields(input)?, chain(input, model)?);
    let mut bytes = encode_bundle(&sign(own), &TREES[own.tree]).expect("a bundle");
    let whole = bytes.len();
    let damage = input.int_in_range(0..=7)?;
    let head_end = 16 + sign(own).len();
    match damage {
        // Behind the head, so that what is said of the head stays true.
        0 => bytes.truncate(head_end + input.choose_index(whole - head_end)?),
        1 => bytes[head_end + input.choose_index(whole - head_end)?] ^= 1 << input.int_in_range(0..=7)?,
        2 => bytes.push(0),
        _ => {}
    }
    let staged = edge.stage(&roots(&chain), bytes, now);
    let Some(root) = model.chain(&chain) else {
        assert!(staged.is_err());
        return Ok(());
    };
    let offered = model.offered.filter(|head| head.tree == own.tree && model.admit(root, *head, now).is_ok());
    let head = offered.unwrap_or(own);
    if let Err(code) = model.admit(root, head, now) {
        let error = staged.err().expect("a head that is refused");
        // Of a damaged bundle either fault may be named.
        assert!(damage < 3 || error.code() == code, "{own:?}: {code}, the core {error}");
        return Ok(());
    }
    let Ok(mut staged) = staged else {
        assert!(damage < 3, "an honest bundle");
        return Ok(());
    };
    let mut done = Ok(1);
    while matches!(done, Ok(1..)) && staged.is_working() {
        done = staged.check(300);
    }
    if damage < 3 && (damage != 1 || done.is_err()) {
        assert!(done.is_err() && !staged.is_complete(), "a damaged bundle");
        return Ok(());
    }
    // What the tree being served has under the same slot need not come again, so what stands for it in a bundle does no harm.
    assert!(damage != 1 || model.serving.is_some(), "a bundle whose damage nothing could make up for");
    assert_eq!(done.expect("an honest bundle"), 0);
    let later = now + [0, 0, 60, DAY][input.choose_index(4)?];
    commit(edge, model, staged, root, head, later);
    Ok(())
}

/// Objects one by one, wrong ones among them, as a patch, or as pieces of a bundle.
fn objects(edge: &mut Edge, model: &mut Model, input: &mut Unstructured<'_>, now: u64) -> Result<()> {
    let chain = chain(input, model)?;
    let begun = edge.begin(&roots(&chain), now);
    let (Some(root), Some(head)) = (model.chain(&chain), model.offered) else {
        assert!(begun.is_err());
        return Ok(());
    };
    let mut staged = match (model.admit(root, head, now), begun) {
        (Ok(()), Ok(staged)) => staged,
        (Err(code), Err(error)) => {
            assert_eq!(error.code(), code, "{head:?}");
            return Ok(());
        }
        (wanted, begun) => panic!("section 7 {wanted:?}, the core {:?}", begun.map(|_| ())),
    };
    let tree = &TREES[head.tree];
    match (input.int_in_range(0..=3)?, model.serving) {
        (0, Some((serving, _))) if serving.tree != head.tree => {
            staged.patch(realm::patch_between(&TREES[serving.tree], tree)).expect("a patch from the tree being served");
            while staged.is_working() {
                staged.check(100).expect("an honest patch");
            }
        }
        (1, _) => {
            let bytes = encode_bundle(&sign(head), tree).expect("a bundle");
            let size = input.int_in_range(1..=400)?;
            bytes.chunks(size).try_for_each(|piece| staged.feed(piece)).expect("an honest bundle");
        }
        _ => {}
    }
    while let Some(need) = staged.need(Place::Top) {
        let needs: Vec<Place> = staged.needs(Place::Top).map(|need| need.place).collect();
        let place = if input.is_empty() { need.place } else { needs[input.choose_index(needs.len())?] };
        if crate::seldom(input, 8)? {
            let other = &TREES[input.choose_index(TREES.len())?];
            let mut wrong = other.object(place).unwrap_or(b"").to_vec();
            wrong.extend([0; 1]);
            assert!(staged.supply(place, wrong).is_err());
            continue;
        }
        if crate::seldom(input, 32)? {
            // Given up on the way: a running edge takes nothing of it, one that serves nothing no more than may be asked of it.
            if model.serving.is_some() {
                assert_eq!(edge.commit(staged, now).err().map(|error| error.code()), Some("unchecked"));
            }
            return Ok(());
        }
        staged.supply(place, tree.object(place).expect("a place").to_vec()).expect("an honest object");
    }
    commit(edge, model, staged, root, head, now);
    Ok(())
}
