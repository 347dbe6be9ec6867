// Runs a wasm32-wasip1 command under Node.js with this process's arguments, streams and exit code:
//     node scripts/run-wasi.mjs MODULE [ARGUMENT ...]
import { run } from "../wasm/npm/run.mjs";

const [, , module, ...args] = process.argv;
process.exitCode = await run(module, args);
