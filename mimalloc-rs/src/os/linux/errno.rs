//! What is called when memory is allocated or freed leaves `errno` alone.

/// Restores `errno` when it goes out of scope.
pub(crate) struct KeptErrno(i32);

impl KeptErrno {
    pub(crate) fn save() -> Self {
        // SAFETY: the location is the calling thread's own and always there.
        Self(unsafe { *libc::__errno_location() })
    }
}

impl Drop for KeptErrno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = self.0 };
    }
}
