//! The theorem prover z3 on problems of bit vectors.

use std::path::Path;

use workloads::rows::Size;

use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool, write_input};
use crate::plan::Params;

/// The suite's problem: the greatest common divisor as a maximum.
const DIVISOR: &str = "\
(declare-const x (_ BitVec 16))
(declare-const y (_ BitVec 16))
(declare-const z (_ BitVec 16))
(declare-const GCD (_ BitVec 16))
(define-fun times ((a (_ BitVec 16))) (_ BitVec 32) (bvmul ((_ zero_extend 16) a) ((_ zero_extend 16) GCD)))
(assert (= (times x) (_ bv300 32)))
(assert (= (times y) (_ bv900 32)))
(assert (= (times z) (_ bv333 32)))
(maximize GCD)
(check-sat)
(get-value (GCD x y z))
";
const DIVISOR_SOLVED: &str = "sat\n((GCD #x0003)\n (x #x0064)\n (y #x012c)\n (z #x006f))\n";

/// The prover z3.
#[derive(Debug)]
pub(super) struct Z3;

impl Program for Z3 {
    fn id(&self) -> &'static str {
        "z3"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["z3"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let program = tool("z3", "z3")?.path;
        let (problems, solved) = match params.size {
            Size::Check => factoring(&[(1021, 1019)]),
            Size::Quick => factoring(&[(8191, 8179)]),
            Size::Calibrated => factoring(&[(8191, 8179), (4093, 4091)]),
            Size::Full => (DIVISOR.to_owned(), DIVISOR_SOLVED.to_owned()),
        };
        let input = folder.join("problems.smt2");
        write_input(&input, problems)?;
        let command = CommandLine::new(program).args(["-smt2".as_ref(), input.as_os_str()]);
        Ok(Plain::new(self.id(), 1, command, move |finished| {
            if finished.stdout != solved {
                return Err(format!("it answers {:?}, not {solved:?}", finished.stdout));
            }
            Ok(Checked::elapsed(finished, 1).with_digest_of(finished.stdout.as_bytes()))
        }))
    }
}

/// The problems to factor products of two primes below 2^15, the greater one first, and their answers.
fn factoring(primes: &[(u32, u32)]) -> (String, String) {
    let problem = |&(p, q): &(u32, u32)| {
        format!(
            "(reset)
(declare-const p (_ BitVec 32))
(declare-const q (_ BitVec 32))
(assert (= (bvmul p q) (_ bv{} 32)))
(assert (bvult p (_ bv32768 32)))
(assert (bvuge p q))
(assert (bvugt q (_ bv1 32)))
(check-sat)
(get-value (p q))
",
            p * q
        )
    };
    let answer = |&(p, q): &(u32, u32)| format!("sat\n((p #x{p:08x})\n (q #x{q:08x}))\n");
    (primes.iter().map(problem).collect(), primes.iter().map(answer).collect())
}
