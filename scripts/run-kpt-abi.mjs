// Runs a module with kpt's WebAssembly interface (Go's js/wasm, see wasm/kpt/src/go.rs) without kpt: standard input is the
// list, standard output takes what the function gives back, byte for byte. kpt itself re-formats what it writes to files.
//     node scripts/run-kpt-abi.mjs MODULE
import { readFileSync, writeSync } from "node:fs";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NOT_A_NUMBER = 0x7ff80000;
const KINDS = { object: 1, string: 2, symbol: 3, function: 4 };

let exports;
let view;

function bytes(at) {
  const [start, length] = [at, at + 8].map((word) => Number(view.getBigInt64(word, true)));
  return new Uint8Array(exports.mem.buffer, start, length);
}
const text = (at) => decoder.decode(bytes(at));

// What has a number from the start; the object is the glue code's own.
const host = {
  _pendingEvent: null,
  _makeFuncWrapper: (id) =>
    function (...args) {
      const event = { id, this: this, args };
      host._pendingEvent = event;
      exports.resume();
      return event.result;
    },
};
const values = [NaN, 0, null, true, false, globalThis, host];

function load(at) {
  const number = view.getFloat64(at, true);
  if (number === 0) return undefined;
  return Number.isNaN(number) ? values[view.getUint32(at, true)] : number;
}

function store(at, value) {
  if (value === undefined) return view.setFloat64(at, 0, true);
  if (typeof value === "number" && value !== 0 && !Number.isNaN(value)) return view.setFloat64(at, value, true);
  let id = values.findIndex((known) => Object.is(known, value));
  if (id < 0) id = values.push(value) - 1;
  const kind = value === null ? 0 : (KINDS[typeof value] ?? 0);
  view.setUint32(at + 4, NOT_A_NUMBER | kind, true);
  view.setUint32(at, id, true);
}

// The results go where `getsp` says the frame is after the call.
const answer = (offset, value) => store(exports.getsp() + offset, value);

const go = {
  "syscall/js.valueGet": (sp) => answer(32, Reflect.get(load(sp + 8), text(sp + 16))),
  "syscall/js.valueSet": (sp) => void Reflect.set(load(sp + 8), text(sp + 16), load(sp + 32)),
  "syscall/js.valueIndex": (sp) => answer(24, Reflect.get(load(sp + 8), Number(view.getBigInt64(sp + 16, true)))),
  "syscall/js.valueCall": (sp) => {
    const [start, length] = [sp + 32, sp + 40].map((word) => Number(view.getBigInt64(word, true)));
    const args = Array.from({ length }, (_, index) => load(start + 8 * index));
    const object = load(sp + 8);
    answer(56, Reflect.apply(Reflect.get(object, text(sp + 16)), object, args));
    view.setUint8(exports.getsp() + 64, 1);
  },
  "syscall/js.valuePrepareString": (sp) => {
    const encoded = encoder.encode(String(load(sp + 8)));
    store(sp + 16, encoded);
    view.setBigInt64(sp + 24, BigInt(encoded.length), true);
  },
  "syscall/js.valueLoadString": (sp) => bytes(sp + 16).set(load(sp + 8)),
  "syscall/js.stringVal": (sp) => store(sp + 24, text(sp + 8)),
  "runtime.wasmWrite": (sp) => {
    const start = Number(view.getBigInt64(sp + 16, true));
    write(Number(view.getBigInt64(sp + 8, true)), new Uint8Array(exports.mem.buffer, start, view.getInt32(sp + 24, true)));
  },
  "runtime.resetMemoryDataView": () => {
    view = new DataView(exports.mem.buffer);
  },
};

function write(stream, chunk) {
  for (let written = 0; written < chunk.length; ) written += writeSync(stream, chunk, written);
}

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { go });
exports = instance.exports;
view = new DataView(exports.mem.buffer);
exports.run(0, 0);
write(1, encoder.encode(globalThis.processResourceList(readFileSync(0, "utf8"))));
