//! Bytes that arrive in any pieces, cut into lines.

use super::LONGEST_LINE;

/// Holds the line that is not finished yet, up to its longest length; what is longer is dropped.
#[derive(Default)]
pub(super) struct LineSplitter {
    begun: Vec<u8>,
}

impl LineSplitter {
    /// Gives each line that `bytes` finish; empty ones are left out.
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            if self.begun.is_empty() {
                give(&piece[..piece.len().min(LONGEST_LINE)], &mut line);
            } else {
                self.keep(piece);
                self.finish(&mut line);
            }
        }
        self.keep(last);
    }

    /// Gives the line that was begun, if any.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&str)) {
        give(&self.begun, &mut line);
        self.begun.clear();
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST_LINE - self.begun.len();
        self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

fn give(bytes: &[u8], line: &mut impl FnMut(&str)) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end();
    if !text.is_empty() {
        line(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = vec![];
        for piece in pieces {
            splitter.push(piece, |line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces() {
        let expected = ["one", "two ä", "three"];
        let text = "one\r\n\ntwo ä\nthree".as_bytes();
        assert_eq!(lines(&[text]), expected);
        assert_eq!(lines(&text.chunks(1).collect::<Vec<_>>()), expected);
        assert_eq!(lines(&text.chunks(5).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_line_without_end_does_not_grow() {
        let mut splitter = LineSplitter::default();
        for _ in 0..1000 {
            splitter.push(&[b'x'; 1000], |_| panic!("no line has ended"));
        }
        assert_eq!(splitter.begun.len(), LONGEST_LINE);
        let mut lines = vec![];
        splitter.push(b"\nnext\n", |line| lines.push(line.to_owned()));
        assert_eq!((lines[0].len(), lines[1].as_str()), (LONGEST_LINE, "next"));
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_well_as_can_be() {
        assert_eq!(lines(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
    }
}
