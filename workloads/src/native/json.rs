//! json: documents of four shapes are parsed with `serde_json`, changed, and written again, on the threads of a
//! pool. What was made of a document is kept until its turn comes again, and dropped by whichever thread replaces it.
//!
//! The unit of `--ops` is one turn of all documents.

use std::collections::BTreeMap;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::documents::documents;
use super::start;
use super::text::Digest;
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most};
use crate::rows::Size;
use crate::threads::MAX_THREADS;

/// Documents, and how often it is their turn.
const fn work(size: Size) -> (usize, u64) {
    match size {
        Size::Check => (40, 2),
        Size::Quick => (400, 2),
        Size::Calibrated => (400, 3),
        Size::Full => (400, 45),
    }
}

/// The row.
#[derive(Debug)]
pub struct Json;

impl Workload for Json {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let (count, turns) = work(params.size);
        let turns = params.ops.unwrap_or(turns);
        let documents = documents(count);
        let mut kept: Vec<Option<Kept>> = documents.iter().map(|_| None).collect();
        start::<A>(meter);
        // Scoped, so that all threads have ended before the measured part has.
        let digest = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_scoped(
                |thread| thread.run(),
                |pool| pool.install(|| take_turns(&documents, &mut kept, turns)),
            )
            .map_err(|error| Failure::Check(format!("cannot start the threads of the pool: {error}")))?
            .map_err(|error| Failure::Check(format!("a document that was written is not one: {error}")))?;
        meter.stop::<A>();
        let bytes: usize = documents.iter().map(String::len).sum();
        Ok(Outcome {
            operations: count as u64 * turns,
            timed: false,
            figure: format!("{count} documents of {} bytes on average, {turns} times", bytes / count),
            checksum: Some(format!("{digest:016x}")),
        })
    }
}

/// What is made of a document.
#[derive(Debug)]
struct Kept {
    /// Only held.
    _parsed: Parsed,
    written: String,
}

#[derive(Debug)]
#[expect(dead_code, reason = "what is parsed is only held")]
enum Parsed {
    Any(Value),
    Shop(Shop),
    Table(Table),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shop {
    orders: Vec<Order>,
    #[serde(default)]
    totals: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: Customer,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    tags: Vec<String>,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Customer {
    name: String,
    mail: Option<String>,
    addresses: Vec<Address>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Address {
    street: String,
    town: String,
    code: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    article: String,
    quantity: u64,
    cents: u64,
    options: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<f64>>,
    #[serde(default)]
    sums: Vec<f64>,
}

fn take_turns(documents: &[String], kept: &mut [Option<Kept>], turns: u64) -> serde_json::Result<u64> {
    let mut digest = Digest::default();
    for turn in 0..turns {
        kept.par_iter_mut().zip(documents).enumerate().try_for_each(|(index, (kept, document))| {
            *kept = Some(process(index, document, turn)?);
            Ok::<(), serde_json::Error>(())
        })?;
        kept.iter().flatten().for_each(|kept| digest.bytes(kept.written.as_bytes()));
    }
    Ok(digest.value())
}

/// One turn of one document; its shape follows from its index.
fn process(index: usize, document: &str, turn: u64) -> serde_json::Result<Kept> {
    Ok(match index % 4 {
        0 => {
            let mut shop: Shop = serde_json::from_str(document)?;
            settle(&mut shop, turn);
            let written = serde_json::to_string(&shop)?;
            // Whoever receives it reads it without knowing the types.
            let any: Value = serde_json::from_str(&written)?;
            drop(any);
            Kept { _parsed: Parsed::Shop(shop), written }
        }
        1 => {
            let mut table: Table = serde_json::from_str(document)?;
            transpose(&mut table, turn);
            let written = serde_json::to_string(&table)?;
            Kept { _parsed: Parsed::Table(table), written }
        }
        _ => {
            let before: Value = serde_json::from_str(document)?;
            let after = changed(&before, turn);
            let written = serde_json::to_string_pretty(&after)?;
            Kept { _parsed: Parsed::Any(after), written }
        }
    })
}

/// Sorts, splits and adds up orders.
fn settle(shop: &mut Shop, turn: u64) {
    for order in &mut shop.orders {
        order.lines.sort_by(|one, other| one.article.cmp(&other.article));
        order.attributes.insert("turn".to_owned(), turn.to_string());
        let town = order.customer.addresses.first().map_or("nowhere", |address| &address.town);
        *shop.totals.entry(town.to_owned()).or_default() +=
            order.lines.iter().map(|line| line.quantity * line.cents).sum::<u64>();
    }
    let (mut urgent, rest): (Vec<_>, Vec<_>) =
        std::mem::take(&mut shop.orders).into_iter().partition(|order| (order.id + turn).is_multiple_of(3));
    let copies: Vec<_> = urgent.iter().filter(|order| order.lines.len() > 3).cloned().collect();
    for mut copy in copies {
        copy.lines.truncate(3);
        copy.note = Some(format!("first part of order {}", copy.id));
        urgent.push(copy);
    }
    shop.orders = urgent;
    shop.orders.extend(rest);
}

/// Makes columns of rows, and adds them up.
fn transpose(table: &mut Table, turn: u64) {
    let columns: Vec<Vec<f64>> = (0..table.columns.len())
        .map(|column| table.rows.iter().map(|row| row[column] + turn as f64).collect())
        .collect();
    table.sums = columns.iter().map(|column| column.iter().sum()).collect();
    table.rows = columns;
}

/// A copy without nulls, with keys in capitals and strings marked, that leaves out one element of each longer list.
fn changed(value: &Value, turn: u64) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                fields.map(|(key, value)| (key.to_uppercase(), changed(value, turn))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(values) => {
            let left_out = if values.len() > 4 { turn as usize % values.len() } else { usize::MAX };
            let values = values.iter().enumerate().filter(|(index, _)| *index != left_out);
            Value::Array(values.map(|(_, value)| changed(value, turn)).collect())
        }
        Value::String(text) => Value::String(format!("{text} ({turn})")),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn results_are_the_same_on_any_number_of_threads() {
        for threads in [1, 2, 7, 64] {
            assert_eq!(checksum::<Json>(threads), "c74b9828abf5d0d5", "{threads} threads");
        }
    }

    #[test]
    fn orders_are_settled() {
        let document = &documents(1)[0];
        let before: Shop = serde_json::from_str(document).expect("orders");
        let mut after = before.clone();
        settle(&mut after, 1);
        assert!(after.orders.len() > before.orders.len() && !after.totals.is_empty());
        assert!((after.orders[0].id + 1).is_multiple_of(3));
        let copy = after
            .orders
            .iter()
            .find(|order| order.note.as_deref().is_some_and(|note| note.starts_with("first part")));
        assert_eq!(copy.expect("a long order is urgent").lines.len(), 3);
    }

    #[test]
    fn nulls_and_one_element_disappear() {
        let before = serde_json::json!({"a": null, "b": [0, 1, 2, 3, 4], "c": {"d": "text"}, "e": [0, 1]});
        let after = serde_json::json!({"B": [0, 2, 3, 4], "C": {"D": "text (1)"}, "E": [0, 1]});
        assert_eq!(changed(&before, 1), after);
    }

    #[test]
    fn columns_are_added_up() {
        let mut table =
            Table { columns: vec![String::new(); 2], rows: vec![vec![1.0, 2.0]; 3], sums: Vec::new() };
        transpose(&mut table, 1);
        assert_eq!((table.rows, table.sums), (vec![vec![2.0; 3], vec![3.0; 3]], vec![6.0, 9.0]));
    }
}
