//! Patches, and bits that flip on the way.

use super::*;

/// An edge that serves `old` gets the patch, and is asked what it lacks then.
#[test]
fn patches() {
    for row in rows(&file("patches.json"), "cases") {
        let (root, old, patch, head) = (base64(&row["root"]), base64(&row["old"]), base64(&row["patch"]), base64(&row["head"]));
        let now = row["now"].as_u64().unwrap();
        let mut edge = edge(&root, "").unwrap();
        update(&mut edge, &[], &old, now).unwrap();
        let before = edge.head().cloned();
        edge.offer(&[], &head, now).unwrap();
        let mut staged = edge.begin(&[], now).unwrap();
        let mut apply = || {
            staged.patch(patch.clone())?;
            // As much as there is to do: what is still missing then is not in the patch.
            staged.check(usize::MAX)
        };
        let applied = apply();
        if let Some(refused) = row["refused"].as_str() {
            assert_eq!(code(applied), refused, "{}", row["name"]);
            assert!(edge.commit(staged, now).is_err());
            assert_eq!(edge.head().cloned(), before);
            continue;
        }
        let missing: Vec<u32> = std::iter::successors(staged.need(Place::Top), |need| {
            let after = Place::of_number(need.place.number() + 8).or(Some(Place::Shard(0)));
            staged.need(after?).filter(|next| next.place > need.place)
        })
        .map(|need| need.place.number())
        .collect();
        assert_eq!(json!(missing), row.get("missing").cloned().unwrap_or(json!([])), "{}", row["name"]);
        assert_eq!(applied.unwrap() == 0, missing.is_empty(), "{}", row["name"]);
        let committed = edge.commit(staged, now);
        assert_eq!(code(committed), if missing.is_empty() { "accepted" } else { "unchecked" }, "{}", row["name"]);
        if missing.is_empty() {
            let bytes = base64(&row["new"]);
            let new: Vec<_> = bundle::parts(&bytes).unwrap().iter().map(|part| (part.place, part.bytes.to_vec())).collect();
            let served: Vec<_> = edge.objects().map(|(place, bytes)| (place, bytes.to_vec())).collect();
            assert_eq!(served, new, "{}", row["name"]);
        }
    }
}

#[test]
fn flipped_bits() {
    let flips = file("flips.json");
    let (root, mut bundle, now) = (base64(&flips["root"]), base64(&flips["bundle"]), flips["now"].as_u64().unwrap());
    let mut edge = edge(&root, "").unwrap();
    let mut next = 0;
    for range in rows(&flips, "ranges") {
        let (from, to) = (range["from_bit"].as_u64().unwrap() as usize, range["to_bit"].as_u64().unwrap() as usize);
        assert_eq!(from, next);
        next = to;
        for bit in from..to {
            bundle[bit / 8] ^= 1 << (bit % 8);
            let found = code(update(&mut edge, &[], &bundle, now));
            assert!(found != "accepted" && (range["code"].is_null() || found == range["code"]), "bit {bit}: {found} {range}");
            bundle[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert_eq!(next, bundle.len() * 8);
    update(&mut edge, &[], &bundle, now).unwrap();
}
