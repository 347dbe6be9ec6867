// Runs the command, away from the page. The page joins this file to the one that wasm-bindgen writes, and starts the worker
// from both, so that a worker which was stopped is followed by another without a request.
/* global wasm_bindgen */

let command;
let held = null; // which input the command has
let plans = new Map(); // what `plan` said of it, by what it was asked
let last = null; // the last run of the filter
let differences = null;
let bug = '';
self.keepBug = (text) => (bug = text);

const decoder = new TextDecoder();
const CONFIG = 'unroot.yaml';
const progress = (step) => self.postMessage({ step });

// One run, as a shell would do it.
function run(args) {
  const ran = command.run(args);
  return { ran, code: ran.code, said: ran.said };
}

function text({ ran, code, said }) {
  const told = decoder.decode(ran.output);
  ran.free();
  return { code, said, text: told };
}

function plan(output, config) {
  const key = `${output}\n${config ?? ''}`;
  if (!plans.has(key)) {
    if (plans.size > 16) plans.clear();
    if (config !== undefined) command.put(CONFIG, new TextEncoder().encode(config));
    const options = config === undefined ? [] : ['--config', CONFIG];
    plans.set(key, text(run(['plan', '--output', output, ...options, '-'])));
  }
  return plans.get(key);
}

function forget() {
  last?.free();
  differences?.free();
  last = differences = null;
}

async function hold({ id, blob }) {
  if (held === id) return;
  progress('Reading');
  const bytes = new Uint8Array(await blob.arrayBuffer());
  forget();
  plans = new Map();
  command.clear();
  command.put('-', bytes);
  held = id;
}

const tools = {
  // Everything that the page shows, for an input and what the form says.
  async look({ input, spec, about, config, own }) {
    await hold(input);
    const platform = about && wasm_bindgen.configuration(JSON.stringify(about));
    progress('Judging every pod in every mode');
    const matrix = plan('json', config ?? platform);
    let proposed;
    if (!own && config === undefined && spec === undefined) {
      progress('Proposing a configuration');
      proposed = plan('config', platform);
    }
    const chosen = config ?? (spec === undefined ? proposed?.text : wasm_bindgen.configuration(JSON.stringify(spec)));
    progress('Changing');
    forget();
    const args = own ? [] : ['--config', CONFIG];
    if (!own) command.put(CONFIG, new TextEncoder().encode(chosen));
    // No proposal, because the input cannot be used: the filter has nothing to say that the plan has not said.
    const refused = proposed && proposed.code !== 0;
    const { ran, code, said } = refused ? { code: proposed.code, said: proposed.said } : run(args);
    last = ran ?? null;
    progress('Comparing');
    differences = last && command.differences(last);
    return {
      plan: matrix,
      config: own ? undefined : chosen,
      kustomization: own || !chosen ? undefined : kustomization(chosen),
      code,
      said,
      changes: differences ? JSON.parse(differences.summary()) : [],
      written: last ? last.size : 0,
    };
  },
  hunks: ({ number }) => JSON.parse(differences.hunks(number)),
  output: () => last.output,
  // The command itself, for whoever wants to try that it is the same.
  command({ args, files }) {
    held = null;
    forget();
    command.clear();
    for (const [file, bytes] of Object.entries(files)) command.put(file, bytes);
    const { ran, code, said } = run(args);
    const output = ran.output;
    ran.free();
    return { code, said, output };
  },
};

// The configuration as a transformer; where it cannot be one, the filter says why.
function kustomization(config) {
  try {
    const lines = wasm_bindgen.inKustomize(config).trimEnd().split('\n');
    return ['transformers:', '- |', ...lines.map((line) => (line ? `  ${line}` : ''))].join('\n') + '\n';
  } catch {
    return undefined;
  }
}

async function answer(data) {
  try {
    self.postMessage({ id: data.id, answer: await tools[data.tool](data) });
  } catch (error) {
    // A trap leaves the module in no state to go on with.
    const trap = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
    self.postMessage({ id: data.id, trap, bug, error: String(error.message ?? error) });
  }
}

// One after the other.
let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  if (data.module) {
    wasm_bindgen.initSync({ module: data.module });
    command = new wasm_bindgen.Command();
  } else {
    queue = queue.then(() => answer(data));
  }
};
