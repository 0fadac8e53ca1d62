//! `docs/http.md` shows requests and what they answer: here they are made, and must answer just that.

use super::client::Server;

const DOCUMENT: &str = include_str!("../../../../docs/http.md");

/// The line before an example whose host is not as it is by default.
const BROKER_AWAY: &str = "<!-- the broker is away -->";
const WITH_TOKEN: &str = "<!-- with a token -->";

#[tokio::test]
async fn the_examples_answer_as_documented() {
    let examples = examples();
    assert!(examples.len() >= 12, "only {} examples were found", examples.len());
    let mut differing = Vec::new();
    for example in examples {
        let server = Server::start((example.setting == WITH_TOKEN).then_some("s3cret")).await;
        if example.setting == BROKER_AWAY {
            server.control.set_reasons(&["no broker has answered at localhost:9092 for 12 s: Connect to ipv4#127.0.0.1:9092 failed: Connection refused"]);
        }
        let answer = run(&server, &example.command).await;
        if answer != example.answer {
            differing.push(format!("$ {}\n{answer}", example.command));
        }
    }
    assert!(differing.is_empty(), "docs/http.md should have:\n{}", differing.join("\n"));
}

struct Example {
    setting: &'static str,
    command: String,
    answer: String,
}

/// The blocks marked `console`: a command after a `$`, then its answer.
fn examples() -> Vec<Example> {
    let mut parts = DOCUMENT.split("```");
    let mut examples = Vec::new();
    while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
        let Some((command, answer)) = block.strip_prefix("console\n$ ").and_then(|block| block.split_once('\n')) else {
            continue;
        };
        let setting = before.trim_end().lines().last().unwrap_or_default();
        examples.push(Example { setting, command: command.to_owned(), answer: answer.to_owned() });
    }
    examples
}

/// As much of curl and a shell as the document uses: `curl -s [-X METHOD] [-H 'NAME: VALUE'] [-d BODY] URL [| grep WORD]`.
async fn run(server: &Server, command: &str) -> String {
    let (curl, filter) = command.split_once(" | grep ").map_or((command, ""), |(curl, word)| (curl, word));
    let (mut method, mut headers, mut body, mut path) = ("GET", Vec::new(), "", None);
    let mut words = words(curl);
    assert_eq!((words.next(), words.next()), (Some("curl"), Some("-s")), "{command}");
    while let Some(word) = words.next() {
        match word {
            "-X" => method = words.next().unwrap(),
            "-d" => {
                body = words.next().unwrap();
                if method == "GET" {
                    method = "POST";
                }
            }
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            url => path = Some(url.strip_prefix("localhost:8080").unwrap_or_else(|| panic!("{command}"))),
        }
    }
    let answer = server.request(method, path.unwrap(), &headers, body).await.body;
    answer.lines().filter(|line| line.contains(filter)).map(|line| line.to_owned() + "\n").collect()
}

/// Split at spaces, but for those between single quotes.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('\'').enumerate();
    quoted.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().collect::<Vec<_>>(),
        _ => vec![part],
    })
}
