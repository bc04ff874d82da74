//! The life of a lazy edge.

use super::*;

#[test]
fn a_lazy_edge() {
    let table = file("lazy.json");
    let now = table["now"].as_u64().unwrap();
    let object = |name: &Value| base64(&table["objects"][name.as_str().unwrap()]);
    let place = |number: &Value| Place::of_number(number.as_u64().unwrap() as u32).unwrap();
    let mut edge = edge(&base64(&table["root"]), text(&table, "config")).unwrap();
    let mut staged = None;
    for (at, step) in rows(&table, "steps").iter().enumerate() {
        if let Some(offer) = step.get("offer") {
            edge.offer(&[], &object(offer), now).unwrap();
            staged = Some(edge.begin(&[], now).unwrap());
        } else if let Some(complete) = step["complete"].as_bool() {
            assert_eq!(staged.as_ref().unwrap().is_complete(), complete, "{at}");
        } else if let Some(to) = step.get("give") {
            let given = staged.as_mut().unwrap().supply(place(to), object(&step["object"]));
            assert_eq!(code(given), step["expect"], "{at}: {step}");
        } else if let Some(patch) = step.get("patch") {
            let staged = staged.as_mut().unwrap();
            staged.patch(object(patch)).unwrap();
            assert_eq!(staged.check(usize::MAX), Ok(0), "{at}");
        } else if let Some(epoch) = step["commit"].as_u64() {
            edge.commit(staged.take().unwrap(), now).unwrap();
            assert_eq!(edge.head().unwrap().epoch, epoch);
        } else if let Some(to) = step.get("supply") {
            assert_eq!(code(edge.supply(place(to), object(&step["object"]))), step["expect"], "{at}: {step}");
        } else {
            let requirement = edge.compile(None, step["permission"].as_str());
            let found = edge.verify_key(text(step, "ask").as_bytes(), None, requirement, now);
            assert_eq!(found.code.name(), text(step, "code"), "{at}: {step}");
            assert_eq!(found.needs.map(|place| u64::from(place.number())), step["needs"].as_u64(), "{at}: {step}");
            if let Some(packed) = step["packed"].as_u64() {
                // Whether the key was found before is the edge's own business.
                assert_eq!(found.pack() & !(8 << 6), packed, "{at}: {step}");
            }
        }
    }
}
