#!/usr/bin/env node
// The command of the package: `npx unroot`.
import { run } from "./run.mjs";

process.exitCode = await run(new URL("unroot.wasm", import.meta.url), process.argv.slice(2));
