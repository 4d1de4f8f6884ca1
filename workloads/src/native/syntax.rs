//! syn: Rust sources are parsed with `syn`, changed, and printed twice, as tokens and by `prettyplease`; the printed
//! text is parsed again. Each thread has files of its own and keeps the last few syntax trees.
//!
//! The unit of `--ops` is one pass over all files.

use std::collections::VecDeque;
use std::{io, thread};

use prettyplease::unparse;
use quote::ToTokens;
use syn::{File, Item, parse_file, parse_quote};

use super::sources::sources;
use super::start;
use super::text::Digest;
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most};
use crate::rows::Size;
use crate::threads::MAX_THREADS;

/// Files, and passes over them.
const fn work(size: Size) -> (usize, usize) {
    match size {
        Size::Check => (4, 1),
        Size::Quick => (12, 1),
        Size::Calibrated => (30, 1),
        Size::Full => (40, 10),
    }
}

/// Syntax trees that a thread keeps.
const KEPT: usize = 16;

/// The row.
#[derive(Debug)]
pub struct Syn;

impl Workload for Syn {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let (count, passes) = work(params.size);
        let passes = params.ops.map_or(passes, |passes| passes as usize);
        let sources = sources(count);
        let files = count * passes;
        let mut digests = vec![Ok(0); files];
        start::<A>(meter);
        thread::scope(|scope| {
            for (first, digests) in shares(&mut digests, threads).into_iter().enumerate() {
                let sources = &sources;
                thread::Builder::new().spawn_scoped(scope, move || {
                    let mut kept = VecDeque::with_capacity(KEPT);
                    for (turn, digest) in digests.into_iter().enumerate() {
                        let source = &sources[(first + turn * threads) % sources.len()];
                        *digest = process(source, &mut kept);
                    }
                })?;
            }
            Ok(())
        })
        .map_err(|error: io::Error| Failure::Check(format!("cannot start a thread: {error}")))?;
        meter.stop::<A>();
        let mut digest = Digest::default();
        for of_file in digests {
            let of_file =
                of_file.map_err(|error| Failure::Check(format!("a source is not Rust: {error}")))?;
            digest.number(of_file);
        }
        let lines: usize = sources.iter().map(|source| source.lines().count()).sum();
        Ok(Outcome {
            operations: files as u64,
            timed: false,
            figure: format!("{count} files with {lines} lines, {passes} times"),
            checksum: Some(format!("{:016x}", digest.value())),
        })
    }
}

/// Deals `all` out like cards.
fn shares<T>(all: &mut [T], hands: usize) -> Vec<Vec<&mut T>> {
    let mut shares: Vec<Vec<&mut T>> =
        (0..hands).map(|_| Vec::with_capacity(all.len() / hands + 1)).collect();
    for (index, one) in all.iter_mut().enumerate() {
        shares[index % hands].push(one);
    }
    shares
}

/// What is done with one file; the result depends on all that was printed.
fn process(source: &str, kept: &mut VecDeque<File>) -> Result<u64, String> {
    let mut file = parse_file(source).map_err(|error| error.to_string())?;
    change(&mut file);
    let mut digest = Digest::default();
    digest.bytes(file.to_token_stream().to_string().as_bytes());
    let printed = unparse(&file);
    digest.bytes(printed.as_bytes());
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(file);
    let again = parse_file(&printed).map_err(|error| error.to_string())?;
    digest.number(again.items.len() as u64);
    Ok(digest.value())
}

/// What a tool might do: attributes on functions, an implementation for every structure, and an order of items.
fn change(file: &mut File) {
    let mut added: Vec<Item> = Vec::new();
    for item in &mut file.items {
        match item {
            Item::Fn(function) => function.attrs.push(parse_quote!(#[inline])),
            Item::Struct(structure) => {
                let (name, fields) =
                    (&structure.ident, structure.fields.iter().filter_map(|field| field.ident.clone()));
                added.push(parse_quote! {
                    impl<T: Clone> Merge for #name<T> {
                        fn merge(&mut self, other: &Self) {
                            #(self.#fields.merge(&other.#fields);)*
                        }
                    }
                });
            }
            _ => {}
        }
    }
    file.items.extend(added);
    file.items.sort_by_key(|item| match item {
        Item::Use(_) => 0,
        Item::Macro(_) => 1,
        Item::Const(_) | Item::Type(_) => 2,
        Item::Struct(_) | Item::Enum(_) | Item::Trait(_) => 3,
        _ => 4,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn results_are_the_same_on_any_number_of_threads() {
        for threads in [1, 2, 7, 64] {
            assert_eq!(checksum::<Syn>(threads), "bf792feb855ca18c", "{threads} threads");
        }
    }

    #[test]
    fn all_sources_are_rust_and_survive_printing() {
        for source in sources(12) {
            let mut file = parse_file(&source).expect("a source is Rust");
            change(&mut file);
            let again = parse_file(&unparse(&file)).expect("what is printed is Rust");
            let kinds = |file: &File| file.items.iter().map(std::mem::discriminant).collect::<Vec<_>>();
            assert!(kinds(&again) == kinds(&file) && again.items.len() > 9);
        }
    }

    #[test]
    fn files_are_changed() {
        let mut file = parse_file("fn f() {} struct S<T> { a: T, b: u8 } use x::y;").expect("it is Rust");
        change(&mut file);
        let expected = "use x::y;\nstruct S<T> {\n    a: T,\n    b: u8,\n}\n#[inline]\nfn f() {}\n\
            impl<T: Clone> Merge for S<T> {\n    fn merge(&mut self, other: &Self) {\n        \
            self.a.merge(&other.a);\n        self.b.merge(&other.b);\n    }\n}\n";
        assert_eq!(unparse(&file), expected);
    }

    #[test]
    fn every_thread_keeps_a_few_trees() {
        let mut kept = VecDeque::new();
        for _ in 0..KEPT + 3 {
            process("fn f() {}", &mut kept).expect("it is Rust");
        }
        assert_eq!(kept.len(), KEPT);
    }
}
