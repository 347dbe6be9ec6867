// Runs a wasm32-wasip1 command under Node with this process's arguments, streams and exit code:
//     node --no-warnings scripts/run-wasi.mjs MODULE [ARGUMENT ...]
// Files are seen below the working directory. `returnOnExit` stays false: with true, Node 20 crashes after the command
// has written some megabytes.
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
const { instance } = await WebAssembly.instantiate(await readFile(module), wasi.getImportObject());
wasi.start(instance);
