//! Calls into Go's `js/wasm` glue code, and the only unsafe code of unroot.
//!
//! Each import takes the address of a stack frame of Go's old calling convention: arguments and results lie at fixed
//! offsets from 8 on, every one of them 8 bytes wide here (`wasm_exec.js` has the Go signature beside each function). After
//! a call that may have run more Go code, the glue code asks `getsp` where the frame is now. There is one frame, it never
//! moves, and no call runs code of ours, so a static will do.
//!
//! A JavaScript value is a float: a number is itself, everything else is a NaN with the value's number in its low half.

use std::arch::wasm32;
use std::cell::{Cell, UnsafeCell};

/// Nine words: the return address that nobody reads, then what the longest import (`valueCall`) needs.
#[repr(C, align(8))]
struct Frame(UnsafeCell<[u64; 9]>);

// SAFETY: the module has one thread; the target has no others.
unsafe impl Sync for Frame {}

static FRAME: Frame = Frame(UnsafeCell::new([0; 9]));

/// Where the frame is, for the glue code.
#[unsafe(no_mangle)]
extern "C" fn getsp() -> *mut u64 {
    FRAME.0.get().cast()
}

mod import {
    #[link(wasm_import_module = "go")]
    unsafe extern "C" {
        #[link_name = "syscall/js.valueGet"]
        pub(super) fn value_get(frame: *mut u64);
        #[link_name = "syscall/js.valueSet"]
        pub(super) fn value_set(frame: *mut u64);
        #[link_name = "syscall/js.valueIndex"]
        pub(super) fn value_index(frame: *mut u64);
        #[link_name = "syscall/js.valueCall"]
        pub(super) fn value_call(frame: *mut u64);
        #[link_name = "syscall/js.valuePrepareString"]
        pub(super) fn value_prepare_string(frame: *mut u64);
        #[link_name = "syscall/js.valueLoadString"]
        pub(super) fn value_load_string(frame: *mut u64);
        #[link_name = "syscall/js.stringVal"]
        pub(super) fn string_val(frame: *mut u64);
        #[link_name = "runtime.wasmWrite"]
        pub(super) fn wasm_write(frame: *mut u64);
        #[link_name = "runtime.resetMemoryDataView"]
        pub(super) fn reset_memory_data_view(frame: *mut u64);
    }
}

/// Calls an import with words from offset 8 on, and gives the frame as it is afterwards.
fn call<const N: usize>(function: unsafe extern "C" fn(*mut u64), arguments: [u64; N]) -> [u64; 9] {
    follow_memory();
    let mut frame = [0; 9];
    frame[1..=N].copy_from_slice(&arguments);
    // SAFETY: nothing else refers to the frame while it is filled, and it is as long as the array.
    unsafe { FRAME.0.get().write(frame) };
    // SAFETY: every import is called with its own arguments by the functions below; it reads and writes the frame and, of
    // the rest of the memory, only the slices that the frame names, which outlive the call.
    unsafe { function(getsp()) };
    // SAFETY: as above; the host has returned and holds no reference.
    unsafe { FRAME.0.get().read() }
}

/// Node.js looks at the memory through a view that is lost when the memory grows. The glue code makes a new one when it
/// is told, which a host that cannot follow at all calls an error: so it is told only then.
fn follow_memory() {
    thread_local! {
        static PAGES: Cell<Option<usize>> = const { Cell::new(None) };
    }
    let pages = wasm32::memory_size(0);
    if PAGES.replace(Some(pages)).is_some_and(|before| before != pages) {
        // SAFETY: it reads no argument.
        unsafe { import::reset_memory_data_view(getsp()) };
    }
}

/// The address and the length of something in our memory, as arguments. Exposed, since the host reads there.
fn slice<T>(of: &[T]) -> [u64; 2] {
    [of.as_ptr().expose_provenance() as u64, of.len() as u64]
}

/// A JavaScript value.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Value(u64);

impl Value {
    pub(crate) const NULL: Self = Self::known(0, 2);
    /// `globalThis`.
    pub(crate) const GLOBAL: Self = Self::known(1, 5);
    /// The glue code's own object.
    pub(crate) const GO: Self = Self::known(1, 6);

    /// One of the values that have a number from the start.
    const fn known(kind: u64, number: u64) -> Self {
        Self((0x7FF8_0000 | kind) << 32 | number)
    }

    /// A number; not 0, which has a form of its own.
    pub(crate) fn number(number: f64) -> Self {
        Self(number.to_bits())
    }

    pub(crate) fn is_number(self, number: f64) -> bool {
        self.0 == number.to_bits()
    }

    pub(crate) fn string(text: &str) -> Self {
        let [at, length] = slice(text.as_bytes());
        Self(call(import::string_val, [at, length])[3])
    }

    pub(crate) fn get(self, name: &str) -> Self {
        let [at, length] = slice(name.as_bytes());
        Self(call(import::value_get, [self.0, at, length])[4])
    }

    pub(crate) fn set(self, name: &str, value: Self) {
        let [at, length] = slice(name.as_bytes());
        call(import::value_set, [self.0, at, length, value.0]);
    }

    pub(crate) fn at(self, index: u64) -> Self {
        Self(call(import::value_index, [self.0, index])[3])
    }

    /// Calls a method; what is thrown comes back as if it had been returned.
    pub(crate) fn call(self, name: &str, arguments: &[Self]) -> Self {
        let [name_at, name_length] = slice(name.as_bytes());
        let [at, length] = slice(arguments);
        Self(call(import::value_call, [self.0, name_at, name_length, at, length, length])[7])
    }

    /// A string's UTF-8.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let frame = call(import::value_prepare_string, [self.0]);
        let (prepared, length) = (frame[2], frame[3]);
        let mut bytes = vec![0_u8; usize::try_from(length).unwrap_or(0)];
        let at = bytes.as_mut_ptr().expose_provenance() as u64;
        call(import::value_load_string, [prepared, at, length, length]);
        bytes
    }
}

/// A stream of the process.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Output = 1,
    Error = 2,
}

impl Stream {
    pub(crate) fn write(self, text: &str) {
        if !text.is_empty() {
            let [at, length] = slice(text.as_bytes());
            call(import::wasm_write, [self as u64, at, length]);
        }
    }
}

/// Ends the process. The interface itself has no exit code, so Node.js is asked for one; where the host is something
/// else, a trap ends the call, and kpt reports that as a failure too.
pub(crate) fn exit(code: u8) -> ! {
    Value::GLOBAL.get("process").call("exit", &[Value::number(f64::from(code))]);
    wasm32::unreachable()
}
