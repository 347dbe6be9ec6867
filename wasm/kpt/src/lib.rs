//! unroot's filter for kpt: `kpt fn eval DIR --allow-alpha-wasm --exec unroot-kpt.wasm`.
//!
//! kpt runs a WebAssembly function with the glue code of Go's `js/wasm` target, Go's `wasm_exec.js` (kpt v1.0.0-beta.56,
//! `internal/fnruntime/jsglue.go`). So this module has the exports and imports of a program that Go has compiled:
//!
//! 1. the host calls `run`, and the module leaves a function `processResourceList` among the globals;
//! 2. the host calls that function with the list as a string; the glue code notes the call as an event and calls
//!    `resume`;
//! 3. `resume` takes the event and gives it a result, the string that kpt goes on with.
//!
//! The list brings its configuration; there are no arguments. What came out goes the way that kpt takes from an
//! executable: findings to standard error, an exit code, and, where it is not 0, the list with its `results` to standard
//! output before the process ends, since kpt keeps the results of a failed function only from there. An empty string would
//! mean to kpt that all files are to be deleted; none is ever given back.

mod go;

use std::cell::Cell;
use std::panic;

use go::{Stream, Value};
use unroot::filter::{Exit, filter};
use unroot::krm::results::summary;
use unroot::{Given, Outcome};

/// A bug of ours, as the command says it.
const OUR_FAULT: u8 = 3;

/// The functions that kpt calls, by the number that the glue code gives back with each call.
const PROCESS: f64 = 1.0;
const ERRORS: f64 = 2.0;

#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Starts the program: what Go's `main` would do before it waits.
#[unsafe(no_mangle)]
extern "C" fn run(_argc: i32, _argv: i32) {
    panic::set_hook(Box::new(|bug| {
        Stream::Error.write(&format!("{bug}\nunroot: this is a bug of unroot; please report it with the input\n"));
        go::exit(OUR_FAULT)
    }));
    for (number, name) in [(PROCESS, "processResourceList"), (ERRORS, "processResourceListErrors")] {
        let function = Value::GO.call("_makeFuncWrapper", &[Value::number(number)]);
        Value::GLOBAL.set(name, function);
    }
}

/// Goes on with the program: a function of ours has been called.
#[unsafe(no_mangle)]
extern "C" fn resume() {
    let event = Value::GO.get("_pendingEvent");
    Value::GO.set("_pendingEvent", Value::NULL);
    let answer =
        if event.get("id").is_number(PROCESS) { process(&event.get("args").at(0).bytes()) } else { LAST_ERRORS.take() };
    event.set("result", Value::string(&answer));
}

thread_local! {
    /// What a host without an exit code is told when it asks after it has refused an answer.
    static LAST_ERRORS: Cell<String> = const { Cell::new(String::new()) };
}

/// The list as it comes out of the filter, if all went well; else the process ends here.
fn process(input: &[u8]) -> String {
    let outcome = filter(input, &Given::default());
    let said = said(&outcome);
    Stream::Error.write(&said);
    let list: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    if outcome.exit == Exit::Done && !list.is_empty() {
        return list;
    }
    Stream::Output.write(&list);
    LAST_ERRORS.set(said);
    go::exit(outcome.exit as u8)
}

/// Findings, one line each, then the summary.
fn said(outcome: &Outcome<'_>) -> String {
    let mut lines: String = outcome.findings.iter().map(|finding| format!("{finding}\n")).collect();
    lines.push_str(&summary(&outcome.findings, 0));
    lines.push('\n');
    lines
}
