// The page: the input and the form on one side, the worker on the other, and what comes back.

import { showBlockers, showChanges, showFindings, told } from './answers.js';
import { copies } from './copy.js';
import { Engine, Stopped } from './engine.js';
import * as form from './form.js';
import { Input, MOST, size } from './input.js';
import { pressMatrix, showMatrix } from './matrix.js';

const id = (name) => document.getElementById(name);
const EXITS = ['Done', 'Done, with errors', 'Not usable', 'A bug of unroot'];
const PATIENCE = 150; // milliseconds before it is said that something runs

let engine;
let byHand = false; // the configuration comes from its field, not from the form
let again = false; // something has changed while the worker was busy
let looking = false;
let shown = null; // the plan on the page, as text
let answer = null;

const input = new Input(look, (blob, name) =>
  say('error', `${name || 'The text'} has ${size(blob.size)}; this page takes up to ${size(MOST)}, and nothing of it was read. The command takes more: unroot plan FILE`),
);

function say(state, text) {
  id('state').dataset.state = state;
  id('state').textContent = text;
}

function busy(is) {
  id('busy').hidden = !is;
  id('answer').classList.toggle('old', is);
}

function nothing() {
  answer = shown = null;
  id('answer').hidden = id('take').hidden = id('retry').hidden = true;
  id('nothing').hidden = false;
  if (!byHand) id('config').value = '';
  id('kustomization').value = '';
}

function question() {
  const own = form.isOwn();
  if (own) return { own };
  if (byHand) return { config: id('config').value };
  return { about: form.about(), spec: form.spec() };
}

// Asks the worker about what there is; one question at a time, and only the last one counts.
async function look() {
  again = true;
  if (looking || !engine) return;
  looking = true;
  id('answers').setAttribute('aria-busy', 'true');
  const patience = setTimeout(() => busy(true), PATIENCE);
  try {
    while (again) {
      again = false;
      if (!input.current) {
        nothing();
        say('idle', 'Ready. Nothing to look at yet.');
        continue;
      }
      const got = await engine.call('look', { input: input.current, ...question() });
      if (!again) tell(got);
    }
  } catch (error) {
    again = false;
    nothing();
    id('retry').hidden = false;
    if (error instanceof Stopped) say('idle', 'Cancelled.');
    else say('error', error.message);
  } finally {
    clearTimeout(patience);
    looking = false;
    busy(false);
    id('answers').setAttribute('aria-busy', 'false');
  }
  if (again) look();
}

function tell(got) {
  answer = got;
  if (!byHand) id('config').value = got.config ?? '';
  id('kustomization').value = got.kustomization ?? '';
  const usable = got.plan.code === 0;
  const plan = usable ? JSON.parse(got.plan.text) : null;
  id('matrix').hidden = id('blockers').hidden = !usable;
  if (usable && shown !== got.plan.text) showMatrix(plan, pick);
  pressMatrix();
  shown = usable ? got.plan.text : null;
  showFindings(got);
  id('changes').hidden = got.code === 2;
  showChanges(got, (number) => engine.call('hunks', { number }));
  if (usable) showBlockers(plan, form.mode());
  id('nothing').hidden = id('retry').hidden = true;
  id('answer').hidden = id('take').hidden = false;
  written(got);
  const [summary] = told(got.said).rest.slice(-1);
  const state = got.code === 0 ? 'done' : 'error';
  say(state, `${EXITS[got.code]}. ${summary ?? ''} (exit code ${got.code})`);
}

function written(got) {
  id('download').disabled = got.written === 0;
  id('download-note').textContent =
    got.written > 0
      ? `${size(got.written)}, the bytes that the command writes`
      : 'Nothing is written, as the command writes nothing here, so that nothing wrong can be applied.';
}

function pick() {
  byHand = false;
  formChanged();
}

function formChanged() {
  form.settle();
  pressMatrix();
  id('controls').disabled = byHand;
  id('by-hand').hidden = !byHand;
  look();
}

async function download() {
  try {
    const bytes = await engine.call('output');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/yaml' }));
    link.download = 'unroot-result.yaml';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    say('error', error.message);
  }
}

id('form').addEventListener('change', formChanged);
id('form').addEventListener('submit', (event) => event.preventDefault());
id('back').addEventListener('click', pick);
id('again').addEventListener('click', look);
id('cancel').addEventListener('click', () => engine.stop());
id('download').addEventListener('click', download);
for (const button of document.querySelectorAll('.copy')) copies(button, (text) => (id('copied').textContent = text));
let timer;
id('config').addEventListener('input', () => {
  byHand = true;
  id('form').elements.own.checked = false;
  clearTimeout(timer);
  timer = setTimeout(formChanged, 400);
});
form.settle();

try {
  const demo = fetch(new URL('platform.yaml', import.meta.url)).then((response) => response.text());
  engine = await Engine.load();
  engine.onstep = (step) => say('busy', `${step} …`);
  const platform = await demo;
  id('demo').addEventListener('click', () => input.put(platform, 'The demo platform'));
  document.documentElement.dataset.ready = '';
  look();
} catch (error) {
  say('error', `The page cannot load its parts: ${error.message}. It must come from a web server, not from a file.`);
}
