// The worker that runs unroot, from the side of the page. All parts are loaded at the start; a worker that was stopped, or
// that has run out of memory, is followed by another without a request.

export class Stopped extends Error {}

const get = async (path) => {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
};

// A module of 32 bits that asks for too much hears of a capacity, or nothing at all.
function why(error, bug) {
  if (bug && !bug.includes('capacity overflow')) return bug;
  return `unroot has stopped: it most likely needs more memory than a browser gives (${error}). The command has more room: unroot plan FILE`;
}

export class Engine {
  #module;
  #script;
  #worker = null;
  #waiting = new Map();
  #number = 0;
  #lives = false; // the worker has answered, so that starting another one makes sense
  onstep = () => {};

  static async load() {
    const engine = new Engine();
    const [glue, worker, module] = await Promise.all([
      get('unroot_web.js').then((response) => response.text()),
      get('worker.js').then((response) => response.text()),
      get('unroot_web_bg.wasm').then((response) => response.arrayBuffer()).then((bytes) => WebAssembly.compile(bytes)),
    ]);
    engine.#module = module;
    engine.#script = URL.createObjectURL(new Blob([glue, '\n', worker], { type: 'text/javascript' }));
    engine.#start();
    return engine;
  }

  #start() {
    const worker = new Worker(this.#script);
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => this.#fail(new Error(event.message || 'the worker cannot be started'));
    worker.postMessage({ module: this.#module });
    this.#worker = worker;
  }

  #hear({ step, id, answer, error, trap, bug }) {
    this.#lives = true;
    if (step) return this.onstep(step);
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!error) return call?.resolve(answer);
    if (!trap) return call?.reject(new Error(error));
    this.#restart();
    call?.reject(new Error(`${why(error, bug)}. It was started again, and the page can be used.`));
  }

  #restart() {
    this.#worker.terminate();
    this.#start();
  }

  #fail(error) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (this.#lives) this.#restart();
    for (const call of waiting) call.reject(error);
  }

  // Asks the worker for something.
  call(tool, message = {}) {
    const id = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, tool, ...message });
    });
  }

  // Stops whatever is running.
  stop() {
    this.#lives = true;
    this.#fail(new Stopped('stopped'));
  }

  get busy() {
    return this.#waiting.size > 0;
  }
}
