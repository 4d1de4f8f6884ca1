//! The JSON documents of the row `json`: orders, tables, logs and settings by turns.

use std::fmt::Write;

use super::text::{Rng, Words};

/// Words that documents are made of.
const VOCABULARY: usize = 4_000;

/// `count` documents, shaped by their index: orders for 0, tables for 1, logs for 2, settings for 3, and so on.
pub(super) fn documents(count: usize) -> Vec<String> {
    let words = Words::new(VOCABULARY);
    (0..count)
        .map(|index| {
            let mut author = Author { rng: Rng::new(index as u64), words: &words, text: String::new() };
            match index % 4 {
                0 => author.orders(),
                1 => author.table(),
                2 => author.log(),
                _ => author.settings(5),
            }
            author.text
        })
        .collect()
}

/// Writes one document.
struct Author<'a> {
    rng: Rng,
    words: &'a Words,
    text: String,
}

impl Author<'_> {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes any text");
    }

    /// Writes `count` elements with commas between them.
    fn list(&mut self, count: usize, mut element: impl FnMut(&mut Self, usize)) {
        for index in 0..count {
            if index > 0 {
                self.text.push(',');
            }
            element(self, index);
        }
    }

    /// Writes a phrase as a string, now and then with characters that have to be escaped.
    fn phrase(&mut self, longest: usize) {
        let count = self.rng.between(1, longest);
        let phrase = self.words.phrase(&mut self.rng, count);
        match self.rng.below(8) {
            0 => self.add(format_args!("\"\\\"{phrase}\\\"\\n\"")),
            1 => self.add(format_args!("\"{phrase} \\u00e9\\ud83d\\ude00\"")),
            _ => self.add(format_args!("\"{phrase}\"")),
        }
    }

    fn orders(&mut self) {
        let count = self.rng.between(5, 60);
        self.text += "{\"orders\":[";
        self.list(count, Self::order);
        self.text += "]}";
    }

    fn order(&mut self, index: usize) {
        let id = 100 * self.rng.below(10_000) + index;
        self.add(format_args!("{{\"id\":{id},\"customer\":{{\"name\":"));
        self.phrase(2);
        if self.rng.one_in(3) {
            self.text += ",\"mail\":null";
        } else {
            let name = self.words.pick(&mut self.rng);
            self.text += &format!(",\"mail\":\"{name}@example.org\"");
        }
        self.text += ",\"addresses\":[";
        let addresses = self.rng.below(3);
        self.list(addresses, |author, _| {
            author.text += "{\"street\":";
            author.phrase(3);
            let town = author.words.all()[author.rng.below(50)].clone();
            let code = author.rng.below(100_000);
            author.add(format_args!(",\"town\":\"{town}\",\"code\":{code}}}"));
        });
        self.text += "]},\"lines\":[";
        let lines = self.rng.between(1, 9);
        self.list(lines, |author, _| {
            author.text += "{\"article\":";
            author.phrase(4);
            let (quantity, cents) = (author.rng.between(1, 20), author.rng.below(100_000));
            author.add(format_args!(",\"quantity\":{quantity},\"cents\":{cents},\"options\":["));
            let options = author.rng.below(4);
            author.list(options, |author, _| author.phrase(1));
            author.text += "]}";
        });
        self.text += "],\"note\":";
        if self.rng.one_in(4) {
            self.phrase(20);
        } else {
            self.text += "null";
        }
        self.text += ",\"tags\":[";
        let tags = self.rng.below(5);
        self.list(tags, |author, _| author.phrase(1));
        self.text += "],\"attributes\":{";
        let attributes = self.rng.below(6);
        self.list(attributes, |author, index| {
            author.add(format_args!("\"key {index}\":"));
            author.phrase(3);
        });
        self.text += "}}";
    }

    fn table(&mut self) {
        let (rows, columns) = (self.rng.between(20, 300), self.rng.between(3, 9));
        self.text += "{\"columns\":[";
        self.list(columns, |author, _| author.phrase(2));
        self.text += "],\"rows\":[";
        self.list(rows, |author, _| {
            author.text.push('[');
            author.list(columns, |author, _| {
                let (whole, thousandths) = (author.rng.below(10_000), author.rng.below(1000));
                author.add(format_args!("{whole}.{thousandths:03}"));
            });
            author.text.push(']');
        });
        self.text += "]}";
    }

    fn log(&mut self) {
        let events = self.rng.between(20, 200);
        self.text.push('[');
        self.list(events, |author, index| {
            let level = author.rng.pick(&["debug", "info", "warning", "error"]);
            author.add(format_args!("{{\"at\":{},\"level\":\"{level}\",\"message\":", 1_700_000_000 + index));
            author.phrase(15);
            author.text += ",\"fields\":{";
            let fields = author.rng.below(6);
            author.list(fields, |author, index| {
                let key = author.words.pick(&mut author.rng);
                author.text += &format!("\"{key}{index}\":");
                match author.rng.below(4) {
                    0 => author.text += "null",
                    1 => author.text += "true",
                    2 => author.text += &author.rng.below(1_000_000).to_string(),
                    _ => author.phrase(3),
                }
            });
            author.text += "}}";
        });
        self.text.push(']');
    }

    fn settings(&mut self, depth: usize) {
        self.text.push('{');
        let entries = self.rng.between(2, 8);
        self.list(entries, |author, index| {
            let key = author.words.pick(&mut author.rng);
            author.text += &format!("\"{key}-{index}\":");
            match author.rng.below(if depth > 0 { 6 } else { 3 }) {
                0 => author.phrase(8),
                1 => author.text += &author.rng.below(70_000).to_string(),
                2 => {
                    author.text.push('[');
                    let choices = author.rng.below(8);
                    author.list(choices, |author, _| author.phrase(2));
                    author.text.push(']');
                }
                _ => author.settings(depth - 1),
            }
        });
        self.text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::text::Digest;

    #[test]
    fn documents_are_the_same_everywhere() {
        let mut digest = Digest::default();
        let documents = documents(40);
        documents.iter().for_each(|document| digest.bytes(document.as_bytes()));
        assert_eq!(format!("{:016x}", digest.value()), "067f290008ad038b");
        let bytes: usize = documents.iter().map(String::len).sum();
        assert_eq!(bytes / documents.len(), 30_138);
    }
}
