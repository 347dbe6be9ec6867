// Runs a wasm32-wasip1 command under Node with this process's arguments, streams and exit code:
//     node --no-warnings scripts/run-wasi.mjs MODULE [ARGUMENT ...]
// Files are seen below the working directory.
//
// What keeps Node 20 from trouble: the imports are called through functions of ours (its fast calls go on with the old
// memory once the memory has grown, and crash), the command ends by returning (to end the process from inside it crashes
// now and then), and `process` is not imported (that would make pipes non-blocking, and a long output would end in EAGAIN).
//
// A run is over before optimised code would pay for its making, so that begins later than it would.
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { WASI } from "node:wasi";

setFlagsFromString("--wasm-tiering-budget=100000000");
const [, , module, ...args] = process.argv;
const wasi = new WASI({
  version: "preview1",
  args: ["unroot", ...args],
  preopens: { ".": "." },
  returnOnExit: true,
});
const slowly = ([name, call]) => [name, (...parameters) => call(...parameters)];
const imports = { wasi_snapshot_preview1: Object.fromEntries(Object.entries(wasi.wasiImport).map(slowly)) };
const { instance } = await WebAssembly.instantiate(await readFile(module), imports);
process.exitCode = wasi.start(instance);
