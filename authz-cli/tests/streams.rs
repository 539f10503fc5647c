//! What the console sessions cannot show: standard input, closed pipes, full disks, colours.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

const POLICY: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: tcp-policy, namespace: foo}
spec:
  rules:
  - to:
    - operation: {ports: ['9000']}
";

const SUITE: &str = r#"{"name": "open", "workload": {"namespace": "foo"}, "connection": {"sourceIp": "10.0.0.1", "destinationIp": "10.0.0.2", "destinationPort": 80}, "expect": "allow"}"#;

fn authz(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authz"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn with_stdin(arguments: &[&str], text: &str) -> Output {
    let mut child = authz(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn policies_come_from_standard_input() {
    let arguments = ["check", "--policies", "-", "--namespace", "foo", "--destination-port"];
    let denied = with_stdin(&[&arguments[..], &["9001"]].concat(), POLICY);
    assert_eq!(denied.status.code(), Some(1));
    assert!(text(&denied.stdout).contains("foo/tcp-policy rule 0, <stdin>:7:5"), "{denied:?}");
    let allowed = with_stdin(&[&arguments[..], &["9000"]].concat(), &format!("\u{feff}{POLICY}"));
    assert_eq!(allowed.status.code(), Some(0));
}

#[test]
fn an_empty_standard_input_is_no_answer_and_an_empty_list_is_one() {
    let arguments = ["check", "--policies", "-", "--namespace", "foo"];
    let nothing = with_stdin(&arguments, "");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("in standard input; name another path"), "{nothing:?}");
    let list = with_stdin(&arguments, "{apiVersion: v1, kind: List, items: []}");
    assert_eq!(list.status.code(), Some(0));
    assert!(text(&list.stderr).starts_with("warning[empty-resource-list]: <stdin>:1:"), "{list:?}");
}

#[test]
fn lint_reads_standard_input_once_and_still_counts() {
    let output = with_stdin(&["lint", "-", "--output", "json"], &POLICY.replace("'9000'", "http"));
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["errors"], &report["resources"]), (&1.into(), &1.into()));
}

#[test]
fn suites_come_from_standard_input_as_yaml_and_as_lines() {
    for suite in [format!("{{cases: [{SUITE}]}}"), SUITE.to_owned(), format!("{SUITE}\n\n{SUITE}\n")] {
        let output = with_stdin(&["test", "-"], &suite);
        assert!(text(&output.stdout).ends_with(" passed, 0 failed\n"), "{output:?}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn many_warnings_are_counted_and_not_shown() {
    let policy = |i: usize| POLICY.replace("tcp-policy", &format!("p{i}")).replace("ports: ['9000']", "methods: [GET]");
    let texts: Vec<String> = (0..6).map(policy).collect();
    let output = with_stdin(&["check", "--policies", "-", "--namespace", "foo"], &texts.join("---"));
    assert_eq!(text(&output.stderr), "warning: the policies have 6 warnings; run `authz lint -` to see them\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_reader_that_has_gone_away_changes_no_answer() {
    let table: [(&[&str], i32); 4] = [
        (&["lint", "--explain", "all"], 0),
        (&["completions", "zsh"], 0),
        (&["check", "--policies", "-", "--allow-empty", "--namespace", "foo"], 0),
        (&["--help"], 0),
    ];
    for (arguments, code) in table {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = authz(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(code), ""), "{arguments:?}");
    }
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut child =
        authz(&["check", "--policies", "-", "--namespace", "foo"]).stdin(Stdio::piped()).stdout(writer).spawn().unwrap();
    child.stdin.take().unwrap().write_all(POLICY.as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "a denial stays a denial");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_no_answer() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = authz(&["lint", "--explain", "all"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: cannot write to standard output"), "{output:?}");
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let arguments = ["check", "--policies", "-", "--allow-empty", "--namespace", "foo"];
    let plain = authz(&arguments).output().unwrap();
    assert!(text(&plain.stdout).starts_with("allow: "), "{plain:?}");
    let colored = authz(&arguments).args(["--color", "always"]).output().unwrap();
    assert!(text(&colored.stdout).starts_with("\u{1b}["), "{colored:?}");
}

#[test]
fn names_from_policies_cannot_move_the_cursor() {
    let policy = POLICY.replace("name: tcp-policy", r#"name: "a\e[2Jb""#).replace("'9000'", "http");
    for arguments in [&["lint", "-"][..], &["check", "--policies", "-", "--namespace", "foo", "--lenient", "--color", "always"]] {
        let output = with_stdin(arguments, &policy);
        assert!(!text(&output.stdout).contains("\u{1b}[2J"), "{output:?}");
        assert!(!text(&output.stderr).contains("\u{1b}[2J"), "{output:?}");
    }
}

#[test]
fn the_manual_and_the_completions_name_every_command() {
    let commands = ["check", "explain", "lint", "test", "completions", "man"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = authz(&["completions", shell]).output().unwrap();
        assert!(commands.iter().all(|command| text(&output.stdout).contains(command)), "{shell}");
    }
    let page = authz(&["man"]).output().unwrap();
    for command in commands {
        assert!(text(&page.stdout).contains(&format!("authz\\-{command}(1)")), "{command}");
        let page = authz(&["man", command]).output().unwrap();
        assert!(text(&page.stdout).contains(&format!(".TH authz-{command} 1")), "{command}");
    }
}
