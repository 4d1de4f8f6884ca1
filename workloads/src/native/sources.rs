//! The Rust sources of the row `syn`: modules with types, traits, functions and expressions of all kinds.

use super::text::{Rng, Words};

/// Words that names and comments are made of.
const VOCABULARY: usize = 2_000;

/// `count` source files.
pub(super) fn sources(count: usize) -> Vec<String> {
    let words = Words::new(VOCABULARY);
    (0..count)
        .map(|index| {
            let mut author = Author { rng: Rng::new(index as u64), words: &words };
            author.file()
        })
        .collect()
}

/// Writes one file.
struct Author<'a> {
    rng: Rng,
    words: &'a Words,
}

impl Author<'_> {
    /// The name of a value. The underscore keeps it from being a keyword.
    fn name(&mut self) -> String {
        let (one, other) = (self.words.pick(&mut self.rng), self.words.pick(&mut self.rng));
        format!("{one}_{other}")
    }

    /// The name of a type.
    fn type_name(&mut self) -> String {
        let name = self.name();
        name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
    }

    fn comment(&mut self) -> String {
        let count = self.rng.between(3, 14);
        self.words.phrase(&mut self.rng, count)
    }

    /// A type; `depth` says how many types it may be nested in.
    fn ty(&mut self, depth: usize) -> String {
        match self.rng.below(if depth > 0 { 10 } else { 4 }) {
            0 => self.rng.pick(&["u8", "u32", "i64", "usize", "f64", "bool", "char"]).to_owned(),
            1 => "String".to_owned(),
            2 => self.type_name(),
            3 => "&'static str".to_owned(),
            4 => format!("Vec<{}>", self.ty(depth - 1)),
            5 => format!("Option<Box<{}>>", self.ty(depth - 1)),
            6 => format!("std::collections::HashMap<String, {}>", self.ty(depth - 1)),
            7 => format!("({}, {})", self.ty(depth - 1), self.ty(depth - 1)),
            8 => format!("Result<{}, {}>", self.ty(depth - 1), self.type_name()),
            _ => format!("[{}; {}]", self.ty(depth - 1), self.rng.between(1, 64)),
        }
    }

    /// An expression; `depth` says how many others it may have inside.
    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.rng.below(5) {
                0 => self.rng.below(100_000).to_string(),
                1 => format!("\"{}\"", self.comment()),
                2 => format!("{}.{}", self.rng.below(1000), self.rng.below(1000)),
                _ => self.name(),
            };
        }
        let less = depth - 1;
        match self.rng.below(14) {
            0 | 1 => {
                let operator = self.rng.pick(&["+", "-", "*", "/", "%", "&&", "||", "&", "^", "=="]);
                format!("({} {operator} {})", self.expression(less), self.expression(less))
            }
            2 | 3 => format!("{}({}, {})", self.name(), self.expression(less), self.expression(less)),
            4 | 5 => format!("{}.{}({})", self.name(), self.name(), self.expression(less)),
            6 => {
                let (item, first, second) = (self.name(), self.name(), self.name());
                format!(
                    "{first}.iter().filter(|{item}| {}).map(|{item}| {}).collect::<Vec<_>>().{second}()?",
                    self.expression(less),
                    self.expression(less)
                )
            }
            7 => format!("if {} {} else {}", self.name(), self.block(less), self.block(less)),
            8 => {
                let arms: String = (0..self.rng.between(2, 5))
                    .map(|arm| format!("Some({arm}) if {} => {},", self.name(), self.expression(less)))
                    .collect();
                format!("match {} {{ {arms} None | Some(_) => {} }}", self.name(), self.expression(less))
            }
            9 => format!(
                "{} {{ {}: {}, ..Default::default() }}",
                self.type_name(),
                self.name(),
                self.expression(less)
            ),
            10 => format!("[{}, {}, {}]", self.expression(less), self.expression(less), self.name()),
            11 => format!("&mut {}[{} as usize]", self.name(), self.name()),
            12 => format!("format!(\"{{}} {}\", {})", self.comment(), self.expression(less)),
            _ => format!("move |{}: {}| {}", self.name(), self.ty(1), self.block(less)),
        }
    }

    fn block(&mut self, depth: usize) -> String {
        let statements: String = (0..self.rng.between(1, 4)).map(|_| self.statement(depth)).collect();
        format!("{{ {statements} {} }}", self.expression(depth))
    }

    fn statement(&mut self, depth: usize) -> String {
        let less = depth.saturating_sub(1);
        match self.rng.below(8) {
            0..3 => format!("let {}: {} = {};\n", self.name(), self.ty(2), self.expression(depth)),
            3 => format!("let mut {} = {};\n", self.name(), self.expression(depth)),
            4 => format!("{}.{} += {};\n", self.name(), self.name(), self.expression(less)),
            5 => format!(
                "for ({}, {}) in {}.into_iter().enumerate() {}\n",
                self.name(),
                self.name(),
                self.name(),
                self.block(less)
            ),
            6 => format!("while let Some({}) = {}.next() {}\n", self.name(), self.name(), self.block(less)),
            _ => format!(
                "if let Ok({}) = {} {{ return {}; }}\n",
                self.name(),
                self.name(),
                self.expression(less)
            ),
        }
    }

    fn function(&mut self, receiver: &str) -> String {
        let parameters: String =
            (0..self.rng.below(4)).map(|_| format!(", {}: {}", self.name(), self.ty(2))).collect();
        let parameters = if receiver.is_empty() { parameters.trim_start_matches(", ") } else { &parameters };
        format!(
            "/// {}\n#[must_use]\npub fn {}<'a, T: Clone + Send>({receiver}{parameters}) -> {} where T: Into<{}> {}\n\n",
            self.comment(),
            self.name(),
            self.ty(2),
            self.type_name(),
            self.block(3)
        )
    }

    fn fields(&mut self) -> String {
        (0..self.rng.between(1, 8))
            .map(|_| format!("/// {}\npub {}: {},\n", self.comment(), self.name(), self.ty(3)))
            .collect()
    }

    fn item(&mut self) -> String {
        match self.rng.below(9) {
            0 => {
                let name = self.type_name();
                let methods: String =
                    (0..self.rng.between(1, 4)).map(|_| self.function("&mut self")).collect();
                format!(
                    "/// {}\n#[derive(Debug, Clone, PartialEq)]\npub struct {name}<T> {{\n{}}}\n\nimpl<T: Default> {name}<T> {{\n{methods}}}\n\n",
                    self.comment(),
                    self.fields()
                )
            }
            1 => {
                let variants: String = (0..self.rng.between(2, 9))
                    .map(|number| match number % 3 {
                        0 => format!("{},\n", self.type_name()),
                        1 => format!("{}({}, {}),\n", self.type_name(), self.ty(2), self.ty(1)),
                        _ => format!("{} {{ {}: {} }},\n", self.type_name(), self.name(), self.ty(2)),
                    })
                    .collect();
                format!(
                    "#[derive(Debug)]\n#[non_exhaustive]\npub enum {} {{\n{variants}}}\n\n",
                    self.type_name()
                )
            }
            2 => {
                let methods: String = (0..self.rng.between(1, 5))
                    .map(|_| {
                        format!(
                            "/// {}\nfn {}(&self, {}: {}) -> {};\n",
                            self.comment(),
                            self.name(),
                            self.name(),
                            self.ty(2),
                            self.ty(2)
                        )
                    })
                    .collect();
                format!(
                    "pub trait {}: Send + Sync {{\ntype Output: Iterator<Item = {}>;\n{methods}}}\n\n",
                    self.type_name(),
                    self.ty(1)
                )
            }
            3 => format!(
                "pub const {}: &[{}] = &{};\n\n",
                self.name().to_uppercase(),
                self.ty(1),
                self.expression(2)
            ),
            4 => format!(
                "pub type {}<'a> = dyn FnMut(&'a {}) -> {} + 'a;\n\n",
                self.type_name(),
                self.ty(1),
                self.ty(3)
            ),
            5 => format!(
                "macro_rules! {} {{ ($one:expr, $($rest:tt)*) => {{ {{ let {} = $one; {} }} }}; }}\n\n",
                self.name(),
                self.name(),
                self.expression(2)
            ),
            _ => self.function(""),
        }
    }

    fn file(&mut self) -> String {
        let uses: String = (0..self.rng.between(2, 9))
            .map(|_| {
                format!("use crate::{}::{{self, {}, {}}};\n", self.name(), self.type_name(), self.type_name())
            })
            .collect();
        let items: String = (0..self.rng.between(10, 40)).map(|_| self.item()).collect();
        format!("//! {}\n\n{uses}\n{items}", self.comment())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::text::Digest;

    #[test]
    fn sources_are_the_same_everywhere() {
        let mut digest = Digest::default();
        let sources = sources(20);
        sources.iter().for_each(|source| digest.bytes(source.as_bytes()));
        assert_eq!(format!("{:016x}", digest.value()), "e6c9002ba8ed31d5");
        let lines: usize = sources.iter().map(|source| source.lines().count()).sum();
        assert_eq!(lines, 16_532);
    }
}
