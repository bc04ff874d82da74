//! Memory of lazy edges, which the test kit's example counts.

use anyhow::{Context, Result, bail};
use edgelatch_testkit::shell::{self, command};

use super::table::{Table, Target::AtMost};

pub fn measure(table: &mut Table) -> Result<()> {
    println!("filling lazy edges");
    let flags = ["run", "--quiet", "--release", "--package", "edgelatch-testkit", "--example", "lazy"];
    for line in shell::capture(&mut command("cargo", flags))?.lines().skip(1) {
        // A name, then megabytes: serving, during an update, the goal.
        let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "MB").collect();
        let [name @ .., serving, update, goal] = &*words else { bail!("the example `lazy` printed `{line}`") };
        let [serving, update, goal] = [serving, update, goal].map(|word| word.parse::<f64>().context("a number of megabytes"));
        let most = serving?.max(update?);
        table.row(format!("lazy edge, budget 8 MB, {}, at most", name.join(" ")), AtMost(goal?), most, "MB");
    }
    Ok(())
}
