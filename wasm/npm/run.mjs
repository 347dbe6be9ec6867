// Runs a wasm32-wasip1 command under Node.js with this process's streams, and gives its exit code.
//
// What keeps Node 20 from trouble: the imports are called through functions of ours (its fast calls go on with the old
// memory once the memory has grown, and crash), the command ends by returning (to end the process from inside it crashes
// now and then), and `process` is not imported (that would make pipes non-blocking, and a long output would end in EAGAIN).
//
// A run is over before optimised code would pay for its making, so that begins later than it would.
import { accessSync, constants, existsSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, normalize, sep } from "node:path";
import { setFlagsFromString } from "node:v8";

const isReadable = (path) => {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
};

// Files are seen as the native command sees them. WASI lets no path leave a folder that was opened, so each folder above
// the working directory is opened by the name that a relative path has for it, and the folder of each absolute path that
// an argument names. A folder that this user may not read would end the run before it begins.
//
// To the module's C library an absolute path is the relative one without the slash. Where that could be another file, the
// run is refused.
function folders(args) {
  const above = process.cwd().split(sep).slice(1).map((_, depth) => Array(depth + 1).fill("..").join("/"));
  const paths = args.map((argument) => argument.replace(/^--[a-z]+=/, ""));
  const opened = [".", ...above];
  for (const path of paths.filter((path) => path.startsWith("/"))) {
    const folder = dirname(path);
    const opens = folder !== "/" && isReadable(folder);
    const taken = (other) => !other.startsWith("/") && `${normalize(other)}/`.startsWith(`${folder.slice(1)}/`);
    if (opens ? paths.some(taken) : existsSync(`.${path}`) || existsSync(path)) {
      throw new Error(`${path}: this absolute path cannot be told from a relative one here; name the file relative to the working directory`);
    }
    if (opens) opened.push(folder);
  }
  return Object.fromEntries(opened.filter(isReadable).map((path) => [path, path]));
}

export async function run(module, args) {
  let preopens;
  try {
    preopens = folders(args);
  } catch (error) {
    writeSync(2, `unroot: ${error.message}\n`);
    return 2;
  }
  setFlagsFromString("--wasm-tiering-budget=100000000");
  // Node.js says of WASI that it is experimental, on the stream on which the command says what it has found.
  process.removeAllListeners("warning");
  const { WASI } = await import("node:wasi");
  const wasi = new WASI({ version: "preview1", args: ["unroot", ...args], preopens, returnOnExit: true });
  const slowly = ([name, call]) => [name, (...parameters) => call(...parameters)];
  const imports = { wasi_snapshot_preview1: Object.fromEntries(Object.entries(wasi.wasiImport).map(slowly)) };
  const { instance } = await WebAssembly.instantiate(await readFile(module), imports);
  return wasi.start(instance);
}
