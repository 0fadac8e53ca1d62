//! From nothing to a plugin at work, in every language, by the commands that its README names: a new project, built with its
//! real tool chain, dropped into a running host; events, an event that fails, a reload.

use crate::stage::Stage;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use wasmill_tests::{LONG, Record, another_build, turn, wait_until, wasmill};

/// One a language. A language without a row is found by `every_language_is_here`.
macro_rules! languages {
    ($($test:ident: $language:literal),* $(,)?) => {
        const LANGUAGES: &[&str] = &[$($language),*];
        $(#[test]
        fn $test() {
            follow($language);
        })*
    };
}

languages! {
    a_plugin_in_rust_comes_from_nothing_to_work: "rust",
    a_plugin_in_go_comes_from_nothing_to_work: "go",
    a_plugin_in_typescript_comes_from_nothing_to_work: "ts",
    a_plugin_in_javascript_comes_from_nothing_to_work: "js",
    a_plugin_in_python_comes_from_nothing_to_work: "python",
    a_plugin_in_c_comes_from_nothing_to_work: "c",
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    let mut command = wasmill();
    command.args(arguments).current_dir(folder);
    // A project in Rust builds its dependencies once, for all runs of the tests.
    let target = Path::new(command.get_program()).with_file_name("projects");
    command.env("CARGO_TARGET_DIR", target).output().expect("wasmill runs")
}

/// What was printed, to both.
fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// What `cargo xtask test` puts into its summary: what a passing test prints, nobody sees.
fn skip(line: &str) {
    eprintln!("skipped: {line}");
    let Some(file) = std::env::var_os("WASMILL_TEST_SKIPPED") else { return };
    let file = fs::OpenOptions::new().create(true).append(true).open(file);
    file.and_then(|mut file| writeln!(file, "{line}")).expect("the list of what was skipped");
}

fn follow(language: &str) {
    let _turn = turn();
    let folder = TempDir::with_prefix("wasmill-project-").expect("a folder");
    let name = format!("watch-{language}");
    let made = run(&["new", &name, "--lang", language], folder.path());
    assert!(made.status.success(), "{}", said(&made));
    let project = folder.path().join(&name);
    let built = run(&["build"], &project);
    if said(&built).contains("this installs it") {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{language}: {}", said(&built));
        return skip(&format!("a plugin in {language}: {}", said(&built).replace('\n', " ")));
    }
    assert!(built.status.success(), "{}", said(&built));
    assert!(said(&built).contains("golden case"), "{}", said(&built));

    let stage = Stage::new(&name, 2);
    let mut host = stage.setup().start();
    let toml = format!("[inputs]\norders = {:?}\n[sinks]\n{name} = {:?}\n", stage.input, stage.output);
    host.drop_file(&format!("{name}.toml"), toml.as_bytes());
    let large = r#"{"order_id":"o-1","customer_id":"c","amount":412.50}"#;
    let small = r#"{"order_id":"o-2","customer_id":"c","amount":12.99}"#;
    let orders = [Record::new(large).key("a"), Record::new(small).key("b"), Record::new("no order").key("c")];
    stage.kafka.produce(&stage.input, &orders);
    let plugins = host.folder().join("plugins").display().to_string();
    let admin = host.admin().to_string();
    let into = run(&["build", "--into", &plugins, "--host", &admin], &project);
    assert!(into.status.success(), "{}\n{}", said(&into), host.log());
    let first = format!("  {} <- a {large}", stage.output);
    for shown in ["live: ", &first, "first events: 3; outputs: 1, failures: 1"] {
        assert!(said(&into).contains(shown), "{shown}\n{}\n{}", said(&into), host.log());
    }

    host.wait_for_tasks(&name, 2);
    stage.wait_until_done(&name);
    let passed_on = || stage.kafka.read_all(&stage.output);
    assert_eq!(passed_on().iter().map(Record::text).collect::<Vec<_>>(), [large]);
    let letters = stage.dead_letters(&name);
    assert_eq!(letters.iter().map(Record::text).collect::<Vec<_>>(), ["no order"]);
    let code = crate::stage::header(&letters[0], "wasmill-code");
    assert_eq!(code, Some("bad-json"));

    let module = fs::read(project.join(format!("{name}.wasm"))).expect("what was built");
    host.drop_file(&format!("{name}.wasm"), &another_build(&module, "again"));
    let swapped = format!("wasmill_reloads_total{{plugin=\"{name}\",outcome=\"swapped\"}}");
    wait_until("the swap", LONG, || host.metric(&swapped) == Some(1.0));
    stage.kafka.produce(&stage.input, &[Record::new(large).key("d")]);
    stage.wait_until_done(&name);
    assert_eq!(passed_on().len(), 2);
    assert_eq!(host.sigterm().code(), Some(0));
}

#[test]
fn every_language_is_here() {
    let folder = TempDir::with_prefix("wasmill-project-").expect("a folder");
    let refused = said(&run(&["new", "p", "--lang", "latin"], folder.path()));
    let (_, known) = refused.split_once("[possible values: ").expect("the languages");
    let (known, _) = known.split_once(']').expect("the languages");
    assert_eq!(known.split(", ").collect::<Vec<_>>(), LANGUAGES, "each has a row above, in this order");
}
