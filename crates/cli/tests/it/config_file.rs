//! Options from a file: below the command line and the environment, and refused like what stands there.

use crate::common::{Plane, Ran, binary};

/// Runs a command with a configuration file that names the data directory, and what else it is to say.
fn with(plane: &Plane, more: &str, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let text = format!("data = {:?}\n{more}", plane.data());
    let path = plane.file("edgelatch.toml", &text);
    binary().args(["--config-file", &path]).args(args).envs(variables.iter().copied()).output().unwrap().into()
}

fn names(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.code, 0, "{}", ran.err);
    let page: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().into()).collect()
}

fn plane() -> Plane {
    let plane = Plane::new();
    for name in ["one", "two", "three"] {
        plane.create(&["--name", name, "--role", "reader"]);
    }
    plane
}

#[test]
fn the_command_line_outdoes_the_environment_which_outdoes_the_file() {
    let plane = plane();
    let listed = |more: &str, args: &[&str]| names(&with(&plane, more, &[&["keys", "list"], args].concat(), &[])).len();
    let limited = "json = true\n[keys.list]\nlimit = 1\n";
    assert_eq!(listed("json = true\n", &[]), 3);
    assert_eq!(listed(limited, &[]), 1);
    assert_eq!(listed(limited, &["--limit", "2"]), 2);
    assert_eq!(listed(limited, &["--limit=2"]), 2);
    // What is meant for another command says nothing here.
    assert_eq!(listed("json = true\n[serve]\naddr = \"127.0.0.1:1\"\n", &[]), 3);

    let elsewhere = "realm = \"elsewhere\"\n";
    let refused = with(&plane, elsewhere, &["keys", "list"], &[]);
    assert!(refused.code == 2 && refused.err.contains("elsewhere"), "{}", refused.err);
    assert_eq!(with(&plane, elsewhere, &["keys", "list"], &[("EDGELATCH_REALM", "acme")]).code, 0);
    let again = with(&plane, elsewhere, &["--realm", "other", "keys", "list"], &[("EDGELATCH_REALM", "acme")]);
    assert!(again.code == 2 && again.err.contains("other"), "{}", again.err);

    // The environment may name the file.
    let path = plane.beside("edgelatch.toml").to_str().unwrap().to_owned();
    let named: Ran = binary().args(["keys", "list"]).env("EDGELATCH_CONFIG", &path).output().unwrap().into();
    assert!(named.err.contains("elsewhere"), "{}", named.err);
}

#[test]
fn an_option_may_have_several_values_or_none() {
    let plane = plane();
    let published = [plane.beside("a"), plane.beside("b")];
    let to = format!("[publish]\nto = [{:?}, {:?}]\nif-due = false\n", published[0], published[1]);
    let ran = with(&plane, &to, &["publish"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(published.iter().all(|path| path.join("head").exists()));
    let due = with(&plane, "[publish]\nif-due = true\n", &["publish"], &[]);
    assert_eq!((due.code, due.out.as_str()), (0, "nothing is due\n"), "{}", due.err);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place_and_no_value() {
    let plane = plane();
    let secret = "hunter2hunter2";
    for (more, says) in [
        ("[serve]\nadr = \"hunter2hunter2\"\n", "`serve.adr`: there is no such option: `edgelatch serve --help`"),
        ("[serv]\naddr = \"hunter2hunter2\"\n", "`serv`: there is no such option: `edgelatch --help`"),
        ("serve = \"hunter2hunter2\"\n", "`serve`: is a command: write its options under [serve]"),
        ("[keys.list]\nlimit = [\"hunter2hunter2\", 2]\n", "`keys.list.limit`: takes one text or number"),
        ("json = \"hunter2hunter2\"\n", "`json`: takes true or false"),
        ("realm = true\n", "`realm`: takes a text or number, or a list of them"),
        ("config-file = \"hunter2hunter2\"\n", "`config-file`: there is no such option"),
        ("[serve]\nto = [[\"hunter2hunter2\"]]\n", "`serve.to`: takes a text or number, or a list of them"),
        ("database = hunter2hunter2\n", "line 2 is not TOML"),
        ("realm = \"acme\"\nrealm = \"hunter2hunter2\"\n", "line 3 is not TOML"),
    ] {
        let ran = with(&plane, more, &["--json", "keys", "list"], &[]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more}: {}", ran.err);
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(error["error"]["code"] == "config" && message.contains(says), "{more}: {message}");
        assert!(message.contains("edgelatch.toml") && !message.contains(secret), "{more}: {message}");
    }
    // What an option does not take is refused as on the command line, and so is a half of two that belong together.
    let ran = with(&plane, "[serve]\naddr = \"nowhere\"\n", &["serve"], &[]);
    assert!(ran.code == 2 && ran.err.contains("--addr"), "{}", ran.err);
    let ran = with(&plane, "[serve]\ntls-cert = \"a.pem\"\n", &["serve"], &[]);
    assert!(ran.code == 2 && ran.err.contains("--tls-key"), "{}", ran.err);
    let gone: Ran = binary().args(["--config-file", "gone.toml", "keys", "list"]).output().unwrap().into();
    assert!(gone.code == 2 && gone.err.contains("gone.toml"), "{}", gone.err);
}
