//! What is written about the commands: completions for shells, and manual pages.

use std::process::Command;

use crate::common::{Plane, binary};

fn completions(shell: &str) -> String {
    let output = binary().args(["completions", shell]).output().unwrap();
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_commands_options_and_words() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = completions(shell);
        for word in ["revoke-many", "expires-before", "rotation-due", "completions"] {
            assert!(text.contains(word), "{shell} does not know {word}");
        }
        // Elvish and PowerShell complete no values.
        if !["elvish", "powershell"].contains(&shell) {
            assert!(["vergecloud", "last-used", "deny-first"].iter().all(|word| text.contains(word)), "{shell}");
        }
    }
    let refused = binary().args(["completions", "cmd"]).output().unwrap();
    let says = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && says.contains("bash") && says.contains("zsh"), "{says}");
}

/// As bash would ask, of the script as it is printed.
#[test]
#[cfg(unix)]
fn bash_completes() {
    let script = completions("bash");
    let p = Plane::empty();
    for (words, offered) in [
        ("edgelatch ke", "keys"),
        ("edgelatch keys revoke-m", "revoke-many"),
        ("edgelatch keys list --expires-b", "--expires-before"),
        ("edgelatch keys list --sort la", "last-used"),
        ("edgelatch init --preset va", "valar"),
    ] {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _edgelatch edgelatch \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["--norc", &p.file("ask.sh", &ask)]).output().unwrap();
        let reply = String::from_utf8(output.stdout).unwrap();
        assert!(
            reply.split_whitespace().any(|word| word == offered),
            "{words}: {reply}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let p = Plane::empty();
    let dir = p.beside("share/man1");
    p.ok(&["man", dir.to_str().unwrap()]);
    let page = |name: &str| {
        let text = std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        // In pages a dash that is no hyphen has a backslash before it.
        text.replace("\\-", "-")
    };
    let main = page("edgelatch.1");
    assert!(main.contains("EDGELATCH_DATABASE") && main.contains("Exit code"), "{main}");
    for (name, words) in [
        ("edgelatch-init.1", ["--preset", "vergecloud"]),
        ("edgelatch-keys.1", ["revoke-many", "rotate"]),
        ("edgelatch-keys-create.1", ["--expires-at", "Example"]),
        ("edgelatch-keys-edit.1", ["--remove-allow", "Remove from the allow list"]),
        ("edgelatch-fleet.1", ["--lacks", "--wait"]),
        ("edgelatch-completions.1", ["elvish", "Example"]),
    ] {
        let text = page(name);
        assert!(words.iter().all(|word| text.contains(word)), "{name}: {text}");
    }
    let file = p.file("in-the-way", "");
    p.refused(&["man", &file], "io", &["in-the-way"]);
}
