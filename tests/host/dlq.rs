//! `wasmill dlq`: dead letters are read, and go back once.

use crate::stage::Stage;
use wasmill_tests::{Host, LONG, Record, turn, wait_until};

fn dlq(host: &Host, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = host.folder().join("wasmill.toml");
    let mut command = wasmill_tests::wasmill();
    let output = command.arg("dlq").args(arguments).arg("--config").arg(config).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn dead_letters_go_back_to_where_they_were_once() {
    let _turn = turn();
    let stage = Stage::new("dlq", 2);
    let mut host = stage.plugin("p", "chaos", "", "").start();
    let (code, _, said) = dlq(&host, &["list", "nobody"]);
    assert!(code == Some(1) && said.contains("nothing of the plugin has ever failed"), "{code:?} {said}");

    let bad = Record::new("!reject first").key("a").partition(1).timestamp(1_700_000_000_000).header("trace", "7");
    let worse = Record::new("!reject second").partition(0).null_header("empty");
    stage.kafka.produce(&stage.input, &[Record::new("fine").partition(1), bad.clone(), worse]);
    stage.wait_until_done("p");

    let (code, listed, said) = dlq(&host, &["list", "p"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains(&format!("\t{}/1/1\tfirst\ta\ttold to reject", stage.input)), "{listed}");
    let (_, lines, _) = dlq(&host, &["list", "p", "--code", "first", "--json"]);
    let expected = format!(
        r#"{{"topic":"{}","partition":1,"key":"a","value":"!reject first","headers":{{"trace":7}},"timestamp":1700000000000}}"#,
        stage.input
    );
    assert_eq!(lines.trim_end(), expected);

    let (code, plan, _) = dlq(&host, &["redrive", "p", "--dry-run"]);
    assert!(code == Some(0) && plan.contains(&format!("2 to {}", stage.input)), "{plan}");
    let (code, _, said) = dlq(&host, &["redrive", "p"]);
    assert!(code == Some(1) && said.contains("--yes"), "{said}");
    let (code, sent, said) = dlq(&host, &["redrive", "p", "--yes"]);
    assert!(code == Some(0) && sent.contains("Sent 2."), "{sent}{said}");

    // They are rejected again, and are new letters.
    wait_until("the new letters", LONG, || stage.dead_letters("p").len() == 4);
    let again: Vec<Record> =
        stage.kafka.read_all(&stage.input).into_iter().filter(|record| record.text() == "!reject first").collect();
    assert_eq!(again.len(), 2);
    let place = |record: &Record| (record.partition, record.key.clone(), record.headers.clone(), record.timestamp);
    assert_eq!(place(&again[1]), place(&bad));
    let (_, listed, _) = dlq(&host, &["list", "p"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let (_, all, _) = dlq(&host, &["list", "p", "--all"]);
    assert_eq!(all.lines().count(), 4, "{all}");
    assert_eq!(host.sigterm().code(), Some(0));
}
