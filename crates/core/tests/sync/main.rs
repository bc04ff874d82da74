//! How the objects of a tree come to an edge: as a bundle, as a patch, one by one, or some of each; and what an edge does with a tree
//! of which it has not everything.
//!
//! - `states`: realms by number, and the difference between two of them
//! - `steps`: a tree changed step by step is the tree built at once, and its patches lead from each to the next
//! - `bundles`: pieces of any length, objects in any order, wrong ones among them
//! - `patches`: what a patch must not do. The lies of single bytes stand in `tests/vectors/patches.json`
//! - `lazy`: an edge with holes asks for what it lacks, and never answers anything but what the whole tree answers
//! - `sharing`: what two trees have in common is held once

mod bundles;
mod lazy;
mod patches;
mod sharing;
mod states;
mod steps;
