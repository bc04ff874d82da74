"""A second reader of the Edgelatch format, written from crates/core/SPEC.md alone and with nothing but Python's library."""
