//! What an edge holds: for whoever keeps it for the edge's next life, and for whoever has an eye on memory.

use super::Edge;
use super::history::room;
use super::lazy::Lazy;
use super::requirement::Answers;
use crate::snapshot::Group;
use crate::tree::{Place, Slot};

impl Edge {
    /// The objects of the tree being served that are here, in the order of a bundle: to keep them for the edge's next life.
    pub fn objects(&self) -> impl Iterator<Item = (Place, &[u8])> {
        self.active.as_ref().map(|active| active.snapshot.objects()).unwrap_or_default().into_iter()
    }

    /// What the object at a place of the tree being served must be, as far as that is known.
    pub fn slot(&self, place: Place) -> Option<Slot> {
        self.active.as_ref()?.snapshot.slot(place)
    }

    /// The same objects in the same order, in groups.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.active.as_ref().map(|active| active.snapshot.groups()).unwrap_or_default().into_iter()
    }

    /// Bytes that the snapshot being served takes, with what is kept of those before; 0 for none.
    pub fn memory(&self) -> usize {
        let lazy = self.lazy.as_ref().map_or(0, Lazy::memory);
        self.active.as_ref().map_or(0, |active| active.snapshot.memory() + Answers::memory() + self.past.bytes() + lazy)
    }

    /// Bytes that trees that are replaced later may take beyond those that were replaced so far.
    pub fn spare(&self) -> usize {
        let room = self.active.as_ref().map_or(0, |active| room(&active.snapshot));
        room.saturating_sub(self.past.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::HostConfig;
    use edgelatch_testkit::realm::{T0, bundle, record, root, text, tree};

    /// What was noted of a group holds as long as it is the one that was marked: so it must become another one with every object it gets.
    #[test]
    fn a_group_is_known_again_until_an_object_is_put_into_it() {
        let bytes = bundle(5, &tree((1..=600).map(record).collect()));
        let mut edge = Edge::new(&root(), HostConfig::default()).unwrap();
        edge.offer(&[], &bytes, T0).unwrap();
        let mut staged = edge.begin(&[], T0).unwrap();
        staged.feed(&bytes[..bytes.len() - 1]).unwrap();
        edge.commit(staged, T0).unwrap();

        let marks: Vec<_> = edge.groups().map(|group| group.mark()).collect();
        assert!(marks.len() == 2 && marks[0].is_none());
        let known = |edge: &Edge| {
            edge.groups().zip(&marks).filter(|(group, mark)| mark.as_ref().is_some_and(|mark| group.is(mark))).count()
        };
        let count = |edge: &Edge| edge.groups().map(|group| group.objects().count()).sum::<usize>();
        let (objects, need) = (count(&edge), edge.need(Place::Top).unwrap());
        assert_eq!((known(&edge), objects), (1, edge.objects().count()));
        edge.supply(need.place, bytes[bytes.len() - need.slot.length as usize..].to_vec()).unwrap();
        assert_eq!((known(&edge), count(&edge), edge.need(Place::Top)), (0, objects + 1, None));
        let slots = edge.groups().flat_map(|group| group.objects().collect::<Vec<_>>());
        assert!(
            slots
                .map(|(place, slot, bytes)| (place, slot, Slot::of(bytes)))
                .all(|(place, slot, own)| edge.slot(place) == Some(slot) && slot == own)
        );
        assert!(
            edge.verify_key(text(1).as_bytes(), None, crate::edge::RequirementId::NONE, T0).code == crate::verdict::Code::Valid
        );
    }
}
