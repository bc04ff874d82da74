//! Every test of this package in one program: linked once, and with one database server.

mod backup;
mod bad_input;
mod bulk;
#[cfg(target_os = "linux")]
mod clock;
mod common;
mod config_file;
mod databases;
#[cfg(target_os = "linux")]
mod disks;
#[cfg(unix)]
mod doctor;
mod ending;
mod fleet;
#[cfg(unix)]
mod health;
mod init;
mod kill;
mod lifecycle;
mod logs;
mod nodes;
#[cfg(feature = "otel")]
mod otel;
#[cfg(unix)]
mod pepper;
mod read_key;
mod records;
mod restore;
mod rotation;
mod s3;
mod serve;
mod serve_kill;
mod tenants;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod trust;
#[cfg(unix)]
mod trust_documents;
mod verify;
mod written;
