//! Options from a file: `--config-file FILE`, or `EDGELATCH_CONFIG`.
//!
//! ```toml
//! data = "/var/lib/edgelatch"        # options that stand everywhere
//!
//! [serve]                            # those of a command, under the names that they have on the command line
//! addr = "0.0.0.0:8787"
//! api-addr = "127.0.0.1:8788"
//! to = ["/var/www/edgelatch"]        # one that may be given more than once
//! no-publish = true                  # one without a value
//!
//! [keys.list]                        # and of a command below another
//! limit = 20
//! ```
//!
//! The command line outdoes the environment, which outdoes the file. What the file says is put onto the command line, but for options that stand
//! there, or in the environment, already: so it is read, checked and refused like everything else that stands there.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use crate::failure::{Failure, Result};

/// The option that names the file, and the environment's word for it.
pub(crate) const OPTION: &str = "config-file";
pub(crate) const VARIABLE: &str = "EDGELATCH_CONFIG";
/// Bytes of such a file: each option of each command takes less than a kilobyte.
const MAX_BYTES: u64 = 256 * 1024;

/// The arguments of this process with what the file says, if one is named; they begin with the program's name.
pub(crate) fn arguments(program: &Command, given: Vec<OsString>) -> Result<Vec<OsString>> {
    let mut program = program.clone();
    program.build();
    let called = Called::of(&program, &given);
    let named = called.file.clone().or_else(|| std::env::var_os(VARIABLE).filter(|path| !path.is_empty()));
    let Some(path) = named else { return Ok(given) };
    let path = Path::new(&path);
    let file = read(path)?;
    known(&program, &file, path, "")?;
    let mut more = Vec::new();
    let (mut command, mut table) = (Some(&program), Some(&file));
    for name in std::iter::once(None).chain(called.commands.iter().map(Some)) {
        if let Some(name) = name {
            command = command.and_then(|command| command.find_subcommand(name));
            table = table.and_then(|table| table.get(name)?.as_table());
        }
        let (Some(command), Some(table)) = (command, table) else { break };
        more.extend(table.iter().filter_map(|(name, value)| {
            let option = option(command, name).filter(|option| !called.has(option))?;
            Some(spelled(option, name, value))
        }));
    }
    let mut all = given;
    let rest = all.split_off(called.end);
    all.extend(more.into_iter().flatten().chain(rest));
    Ok(all)
}

/// What is known of a command line before it is parsed.
struct Called {
    /// The commands that it calls, one below the other.
    commands: Vec<String>,
    /// Where the last of these ends: options may stand there, whatever follows.
    end: usize,
    /// The options that it names, without dashes and values.
    options: Vec<String>,
    /// The file that it names.
    file: Option<OsString>,
}

impl Called {
    fn of(program: &Command, given: &[OsString]) -> Called {
        let mut called = Called { commands: Vec::new(), end: 1.min(given.len()), options: Vec::new(), file: None };
        let mut command = program;
        let mut words = given.iter().enumerate().skip(1);
        while let Some((at, word)) = words.next() {
            let Some(word) = word.to_str().filter(|word| *word != "--") else { break };
            if let Some(name) = word.strip_prefix("--") {
                let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(OsStr::new(value))));
                let takes = option(command, name).or_else(|| option(program, name)).is_some_and(takes_value);
                let value = value.or_else(|| words.next_if_value(takes));
                if name == OPTION {
                    called.file = value.map(OsStr::to_os_string);
                }
                called.options.push(name.into());
            } else if let Some(below) = command.find_subcommand(word) {
                command = below;
                called.commands.push(below.get_name().into());
                called.end = at + 1;
            }
        }
        called
    }

    /// Whether an option is given on the command line, by whichever of its names, or in the environment.
    fn has(&self, option: &Arg) -> bool {
        let names = option.get_long_and_visible_aliases().unwrap_or_default();
        let here = self.options.iter().any(|given| names.contains(&given.as_str()));
        here || option.get_env().and_then(std::env::var_os).is_some()
    }
}

/// The words of a command line, of which some belong to the one before.
trait Words<'a> {
    fn next_if_value(&mut self, takes: bool) -> Option<&'a OsStr>;
}

impl<'a, I: Iterator<Item = (usize, &'a OsString)>> Words<'a> for I {
    fn next_if_value(&mut self, takes: bool) -> Option<&'a OsStr> {
        if takes { self.next().map(|(_, word)| word.as_os_str()) } else { None }
    }
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|option| option.get_long() == Some(name))
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Reads the file; an error says where it goes wrong, and repeats no value: one may be a password.
fn read(path: &Path) -> Result<Table> {
    let unread = |error| Failure::file(path, &error);
    if std::fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        return Err(Failure::new("config", format!("{}: it has more than {MAX_BYTES} bytes", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or_default().matches('\n').count());
        Failure::new("config", format!("{}: line {line} is not TOML: {}", path.display(), error.message()))
    })
}

/// Refuses what is no option, or has a value that no option takes, also of commands that are not called: a slip in a name would otherwise leave
/// something unsaid.
fn known(command: &Command, table: &Table, path: &Path, above: &str) -> Result<()> {
    for (name, value) in table {
        let place = format!("{above}{name}");
        let wrong = |what: String| Err(Failure::new("config", format!("{}: `{place}`: {what}", path.display())));
        match (option(command, name).filter(|option| option.get_long() != Some(OPTION)), command.find_subcommand(name), value) {
            (None, Some(below), Value::Table(table)) => known(below, table, path, &format!("{place}."))?,
            (None, Some(_), _) => return wrong(format!("is a command: write its options under [{place}]")),
            (None, None, _) => {
                let command = command.get_bin_name().unwrap_or(command.get_name());
                return wrong(format!("there is no such option: `{command} --help` lists them"));
            }
            (Some(option), ..) => {
                let many = matches!(option.get_action(), ArgAction::Append) || option.get_value_delimiter().is_some();
                let fits = match value {
                    Value::Boolean(_) => !takes_value(option),
                    Value::Array(values) => many && values.iter().all(|value| one(value).is_some()),
                    value => takes_value(option) && one(value).is_some(),
                };
                if !fits {
                    return wrong(match (takes_value(option), many) {
                        (false, _) => "takes true or false".into(),
                        (true, false) => "takes one text or number".into(),
                        (true, true) => "takes a text or number, or a list of them".into(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// A value as it is typed.
fn one(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An option with its values, as they are typed. What does not fit was refused before.
fn spelled(option: &Arg, name: &str, value: &Value) -> Vec<OsString> {
    let typed = |value: &Value| one(value).map(|value| OsString::from(format!("--{name}={value}")));
    match value {
        Value::Boolean(set) => set.then(|| OsString::from(format!("--{name}"))).into_iter().collect(),
        Value::Array(values) if takes_value(option) => values.iter().filter_map(typed).collect(),
        value => typed(value).into_iter().collect(),
    }
}
