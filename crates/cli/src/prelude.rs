//! What nearly every command uses: clap's derives, what commands begin with, readers of arguments, and printing.

pub(crate) use std::process::ExitCode;

pub(crate) use clap::{Args, Subcommand};
pub(crate) use serde_json::json;

pub(crate) use crate::args::{Between, Export, Filter, Page, Signing, read};
pub(crate) use crate::arrival::Wait;
pub(crate) use crate::context::{Context, Open, caller};
pub(crate) use crate::failure::{Failure, Result};
pub(crate) use crate::output::{self, BAD, BOLD, Column, DIM, GOOD, RESET, joined, or_dash};
