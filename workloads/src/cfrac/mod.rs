//! stub
use crate::{
    api::Api,
    measure::Meter,
    registry::{Failure, Outcome, Params, Workload},
};
/// stub
#[derive(Debug)]
pub struct Cfrac;
impl Workload for Cfrac {
    fn run<A: Api>(_: &Params, _: &mut Meter) -> Result<Outcome, Failure> {
        todo!()
    }
}
