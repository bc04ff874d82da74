//! Every row of `tests/vectors/ip_cases.tsv`, judged natively.

use edgelatch_testkit::{
    cases::{CaseFile, ip},
    shell,
};

#[test]
fn every_row() {
    let file = CaseFile::read(&shell::root().join("tests/vectors/ip_cases.tsv")).unwrap();
    let wrong = file.rows.iter().filter_map(|row| ip::judge(row).err().map(|error| format!("{}: {error}", row.id())));
    let wrong: Vec<String> = wrong.collect();
    assert!(file.rows.len() >= 130, "the file was read to its end");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
