//! Server-Sent Events, read as they come (WHATWG HTML, section 9.2), with bounds.

/// Longest line, without its end, in bytes.
const LONGEST_LINE: usize = 16 * 1024;
/// Most bytes that the lines of one event may have, those that are passed over not counted.
const LARGEST_EVENT: usize = 32 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty where the stream names none.
    pub(super) kind: String,
    /// The event's own; what an earlier one said is not repeated here.
    pub(super) id: Option<String>,
    /// The lines of the data, a line feed between two.
    pub(super) data: String,
}

/// A line or an event is longer than may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// What has come of a stream, and is not an event yet.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it ends no further line.
    after_return: bool,
    /// A line was ended: a byte order mark is none any more.
    begun: bool,
    event: Event,
    has_data: bool,
    size: usize,
}

impl Parser {
    /// Reads on. Each event that is complete goes to `take`, until `take` says no: its fault is answered.
    pub(super) fn read<E: From<TooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let more = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + more.len() > LONGEST_LINE {
                return Err(TooLong.into());
            }
            self.line.extend_from_slice(more);
            let Some(end) = end else {
                return Ok(());
            };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if let Some(event) = self.end_line()? {
                take(event)?;
            }
        }
        Ok(())
    }

    /// Takes the line; the event, if it was the last of one.
    fn end_line(&mut self) -> Result<Option<Event>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut text = &*String::from_utf8_lossy(&line);
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        let event = if text.is_empty() {
            self.end_event()
        } else {
            self.take_field(text)?;
            None
        };
        self.line = line;
        self.line.clear();
        Ok(event)
    }

    /// An event without data is none.
    fn end_event(&mut self) -> Option<Event> {
        self.size = 0;
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }

    fn take_field(&mut self, line: &str) -> Result<(), TooLong> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => {
                self.count(value)?;
                value.clone_into(&mut self.event.kind);
            }
            "id" if !value.contains('\0') => {
                self.count(value)?;
                self.event.id = Some(value.to_owned());
            }
            "data" => {
                self.count(value)?;
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, `retry`, and what is not known.
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, value: &str) -> Result<(), TooLong> {
        self.size += value.len() + 1;
        if self.size > LARGEST_EVENT {
            return Err(TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_in(pieces: &[&[u8]]) -> Result<Vec<Event>, TooLong> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.read(piece, |event| {
                events.push(event);
                Ok::<_, TooLong>(())
            })?;
        }
        Ok(events)
    }

    fn read(text: &str) -> Vec<Event> {
        read_in(&[text.as_bytes()]).unwrap()
    }

    fn event(kind: &str, id: Option<&str>, data: &str) -> Event {
        Event {
            kind: kind.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        }
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("data: a\n\n", vec![event("", None, "a")]),
            ("data:a\n\n", vec![event("", None, "a")]),
            ("data:  a\n\n", vec![event("", None, " a")]),
            ("data\n\n", vec![event("", None, "")]),
            ("data\ndata\n\n", vec![event("", None, "\n")]),
            ("data: a\ndata: b\n\n", vec![event("", None, "a\nb")]),
            (
                "event: x\nid: 1\ndata: a\n\n",
                vec![event("x", Some("1"), "a")],
            ),
            (
                "event: x\nevent: y\ndata: a\n\n",
                vec![event("y", None, "a")],
            ),
            ("event: x\n\ndata: a\n\n", vec![event("", None, "a")]),
            ("id: 1\n\ndata: a\n\n", vec![event("", None, "a")]),
            ("id\ndata: a\n\n", vec![event("", Some(""), "a")]),
            ("id: a\0b\ndata: a\n\n", vec![event("", None, "a")]),
            (": comment\ndata: a\n:\n\n", vec![event("", None, "a")]),
            (
                "retry: 5\nx: y\ndata : b\ndata: a\n\n",
                vec![event("", None, "a")],
            ),
            ("data: a: b\n\n", vec![event("", None, "a: b")]),
            ("\u{feff}data: a\n\n", vec![event("", None, "a")]),
            ("\u{feff}\u{feff}data: a\n\n", vec![]),
            ("\n\u{feff}data: a\n\n", vec![]),
            ("data: a", vec![]),
            ("data: a\n", vec![]),
            ("\n\n\n", vec![]),
            (
                "data: a\r\ndata: b\rdata: c\n\r\n",
                vec![event("", None, "a\nb\nc")],
            ),
            ("data: a\r\r", vec![event("", None, "a")]),
            (
                "data: a\n\rdata: b\r\n\n",
                vec![event("", None, "a"), event("", None, "b")],
            ),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_spoil_their_place_only() {
        let events = read_in(&[b"data: a\xff\n\ndata: b\n\n"]).unwrap();
        assert_eq!(events, [event("", None, "a\u{fffd}"), event("", None, "b")]);
    }

    #[test]
    fn what_is_too_long_is_refused_at_just_that_length() {
        let line = |length: usize| format!("{:x<length$}", "data:");
        assert_eq!(read(&format!("{}\n\n", line(LONGEST_LINE))).len(), 1);
        for end in ["", "\n\n"] {
            let text = line(LONGEST_LINE + 1) + end;
            assert_eq!(read_in(&[text.as_bytes()]), Err(TooLong));
        }
        let comment = format!(":{}", "x".repeat(LONGEST_LINE));
        assert_eq!(read_in(&[comment.as_bytes()]), Err(TooLong));

        // Three lines of data are one event of their sizes and an end for each.
        let third = (LARGEST_EVENT - 3) / 3;
        let rest = LARGEST_EVENT - 3 - 2 * third;
        let event = |last: usize| {
            let data = |length| format!("data:{}\n", "x".repeat(length));
            data(third) + &data(third) + &data(last) + "\n"
        };
        assert_eq!(read(&event(rest)).len(), 1);
        assert_eq!(read_in(&[event(rest + 1).as_bytes()]), Err(TooLong));
        // The next event begins anew, and what is passed over costs nothing.
        assert_eq!(read(&event(rest).repeat(3)).len(), 3);
        assert_eq!(
            read(&(":x\n".repeat(LARGEST_EVENT) + "data:a\n\n")).len(),
            1
        );
    }

    #[test]
    fn whoever_takes_an_event_may_end_it_there() {
        let mut taken = 0;
        let ended = Parser::default().read(b"data: a\n\ndata: b\n\n", |_| {
            taken += 1;
            Err(TooLong)
        });
        assert_eq!((ended, taken), (Err(TooLong), 1));
    }

    fn pieces<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    proptest! {
        /// However a stream is cut into pieces, it says the same.
        #[test]
        fn pieces_change_nothing(
            lines in prop::collection::vec("(data|event|id|retry|x|)(:| |: |)[a-c:\u{e9} \0]{0,6}(\n|\r|\r\n|\n\n|\r\r)", 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let text = lines.concat();
            prop_assert_eq!(read_in(&pieces(text.as_bytes(), &cuts)), read_in(&[text.as_bytes()]));
        }

        /// What is written comes back as it was.
        #[test]
        fn what_is_written_is_read(
            events in prop::collection::vec(("[a-z]{0,8}", prop::option::of("[!-~]{0,12}"), "[ -~\u{e9}]{0,40}(\n[ -~]{0,20}){0,3}"), 0..10),
            end in "\n|\r\n|\r",
        ) {
            let mut text = String::new();
            for (kind, id, data) in &events {
                let mut line = |name: &str, value: &str| {
                    text.extend([name, ": ", value, end.as_str()]);
                };
                line("event", kind);
                if let Some(id) = id {
                    line("id", id);
                }
                data.split('\n').for_each(|part| line("data", part));
                text.push_str(&end);
            }
            let expected: Vec<Event> = events.iter().map(|(kind, id, data)| event(kind, id.as_deref(), data)).collect();
            prop_assert_eq!(read(&text), expected);
        }

        /// Whatever comes, in whatever pieces: nothing panics, and what is held stays within bounds.
        #[test]
        fn any_bytes_are_borne(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut parser = Parser::default();
            for piece in pieces {
                if parser.read(&piece, |_| Ok::<_, TooLong>(())).is_err() {
                    break;
                }
                prop_assert!(parser.line.len() <= LONGEST_LINE);
                prop_assert!(parser.event.data.len() <= LARGEST_EVENT);
            }
        }
    }
}
