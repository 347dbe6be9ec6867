// Runs a wasm32-wasip1 command under Node with this process's arguments, streams and exit code:
//     node --no-warnings scripts/run-wasi.mjs MODULE [ARGUMENT ...]
// Files are seen below the working directory.
//
// Two things keep Node 20 from crashing once the command's memory has grown (its fast calls go on with the old memory):
// the imports are called through functions of ours, and `returnOnExit` stays false.
import { readFile } from "node:fs/promises";
import { argv } from "node:process";
import { WASI } from "node:wasi";

const [, , module, ...args] = argv;
const wasi = new WASI({
  version: "preview1",
  args: ["unroot", ...args],
  preopens: { ".": "." },
  returnOnExit: false,
});
const slowly = ([name, call]) => [name, (...parameters) => call(...parameters)];
const imports = { wasi_snapshot_preview1: Object.fromEntries(Object.entries(wasi.wasiImport).map(slowly)) };
const { instance } = await WebAssembly.instantiate(await readFile(module), imports);
wasi.start(instance);
