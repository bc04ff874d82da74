//! What must come out, by what is documented.

pub mod calendar;
pub mod csv;
