//! Options by their numbers in C.

use core::ffi::{c_int, c_long, c_void};

use mi::hooks::OutputFn;
use mi::options::{self, Opt};

use crate::told::{print_version, writer};

/// By the numbers of version 3.3.
const NUMBERED: [Opt; 47] = [
    Opt::ShowErrors,
    Opt::ShowStats,
    Opt::Verbose,
    Opt::EagerCommit,
    Opt::ArenaEagerCommit,
    Opt::PurgeDecommits,
    Opt::AllowLargeOsPages,
    Opt::ReserveHugeOsPages,
    Opt::ReserveHugeOsPagesAt,
    Opt::ReserveOsMemory,
    Opt::DeprecatedSegmentCache,
    Opt::DeprecatedPageReset,
    Opt::AbandonedPagePurge,
    Opt::DeprecatedSegmentReset,
    Opt::EagerCommitDelay,
    Opt::PurgeDelay,
    Opt::UseNumaNodes,
    Opt::DisallowOsAlloc,
    Opt::OsTag,
    Opt::MaxErrors,
    Opt::MaxWarnings,
    Opt::MaxSegmentReclaim,
    Opt::DestroyOnExit,
    Opt::ArenaReserve,
    Opt::ArenaPurgeMult,
    Opt::PurgeExtendDelay,
    Opt::DisallowArenaAlloc,
    Opt::RetryOnOom,
    Opt::VisitAbandoned,
    Opt::GuardedMin,
    Opt::GuardedMax,
    Opt::GuardedPrecise,
    Opt::GuardedSampleRate,
    Opt::GuardedSampleSeed,
    Opt::GenericCollect,
    Opt::PageReclaimOnFree,
    Opt::PageFullRetain,
    Opt::PageMaxCandidates,
    Opt::MaxVabits,
    Opt::PagemapCommit,
    Opt::PageCommitOnDemand,
    Opt::PageMaxReclaim,
    Opt::PageCrossThreadMaxReclaim,
    Opt::AllowThp,
    Opt::MinimalPurgeSize,
    Opt::ArenaMaxObjectSize,
    Opt::ArenaIsNumaLocal,
];
/// An option of versions 1 and 2 that has lost its number.
const TARGET_SEGMENTS_PER_THREAD: c_int = 64;

fn option(number: c_int) -> Option<Opt> {
    if number == TARGET_SEGMENTS_PER_THREAD {
        return Some(Opt::TargetSegmentsPerThread);
    }
    NUMBERED.get(usize::try_from(number).ok()?).copied()
}

#[unsafe(no_mangle)]
extern "C" fn mi_option_is_enabled(number: c_int) -> bool {
    option(number).is_some_and(options::is_enabled)
}

/// The same in version 1.0.
#[unsafe(no_mangle)]
extern "C" fn mi_option_enabled(number: c_int) -> bool {
    mi_option_is_enabled(number)
}

#[unsafe(no_mangle)]
extern "C" fn mi_option_get(number: c_int) -> c_long {
    option(number).map_or(0, options::get)
}

#[unsafe(no_mangle)]
extern "C" fn mi_option_get_clamp(number: c_int, min: c_long, max: c_long) -> c_long {
    let value = mi_option_get(number);
    if value < min { min } else { value.min(max) }
}

#[unsafe(no_mangle)]
extern "C" fn mi_option_get_size(number: c_int) -> usize {
    option(number).map_or(0, options::get_size)
}

/// Defines functions that change an option, if it is one.
macro_rules! changing {
    ($($name:ident($($argument:ident: $type:ty)?) => $change:path;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(number: c_int $(, $argument: $type)?) {
            if let Some(option) = option(number) {
                $change(option $(, $argument)?);
            }
        }
    )*};
}

changing! {
    mi_option_set(value: c_long) => options::set;
    mi_option_set_default(value: c_long) => options::set_default;
    mi_option_set_enabled(enabled: bool) => options::set_enabled;
    mi_option_set_enabled_default(enabled: bool) => options::set_enabled_default;
    mi_option_enable_default(enabled: bool) => options::set_enabled_default;
    mi_option_enable() => options::enable;
    mi_option_disable() => options::disable;
}

#[unsafe(no_mangle)]
extern "C" fn mi_options_print() {
    // SAFETY: there is no function to call.
    unsafe { mi_options_print_out(None, core::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_options_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: C callers pass a function for their argument.
    let mut writer = unsafe { writer(out, arg) };
    print_version(&mut writer);
    // The writer takes everything.
    let _ = options::write_to(&mut writer);
}
