// The plan as two tables: how many namespaces meet a level in a mode, and which level each of them meets. A cell sets the form.

import { chip, count, element, later, name, show, visible } from './dom.js';
import { choose, isChosen } from './form.js';

const MODES = [
  ['asIs', 'none', 'as it is'],
  ['sidecar', 'sidecar', 'sidecar'],
  ['cni', 'cni', 'cni'],
  ['ambient', 'ambient', 'ambient'],
];
const LEVELS = ['privileged', 'baseline', 'restricted'];
const ROWS = [
  ['baseline', false],
  ['restricted', false],
  ['baseline', true],
  ['restricted', true],
];

const meets = (level, wanted) => level !== null && LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);

// The namespaces that have pods: an answer about the others would mean nothing.
const judged = (plan) => plan.namespaces.filter(({ levels }) => Object.values(levels).some((level) => level !== null));

function button(cell, label, said, chosen) {
  const attributes = { type: 'button', class: 'pick', 'aria-pressed': isChosen(cell) ? 'true' : 'false', 'aria-label': said };
  return element('button', { ...attributes, 'data-cell': JSON.stringify(cell), onclick: () => chosen(cell) }, ...[label].flat());
}

function summary(plan, chosen) {
  const all = judged(plan);
  const head = element('tr', {}, element('th', { scope: 'col' }, 'All pods meet'), ...MODES.map(([, , title]) => element('th', { scope: 'col' }, title)));
  const rows = ROWS.map(([level, harden]) => {
    const title = element('th', { scope: 'row' }, chip(level), harden && element('span', { class: 'note' }, ' hardened'));
    const cells = MODES.map(([key, mode, word]) => {
      const levels = all.map((namespace) => namespace[harden ? 'hardened' : 'levels'][key]);
      if (plan.unavailable[key] || levels.every((met) => met === null)) return element('td', { class: 'nothing' }, '–');
      const met = levels.filter((one) => meets(one, level)).length;
      const share = met === all.length ? 'all' : met === 0 ? 'none' : 'some';
      const said = `${level}${harden ? ', hardened' : ''}, ${word}: ${met} of ${count(all.length, 'namespace')}`;
      return element('td', { class: `share ${share}` }, button({ level, mode, harden }, [element('strong', {}, String(met)), ` of ${all.length}`], said, chosen));
    });
    return element('tr', {}, title, ...cells);
  });
  return element('table', { class: 'summary' }, element('caption', {}, 'Namespaces that can enforce a level'), element('thead', {}, head), element('tbody', {}, ...rows));
}

function cell(plan, namespace, [key, mode, word], chosen) {
  const level = namespace.levels[key];
  const hardened = namespace.hardened[key];
  if (level === null) return element('td', { class: 'nothing', 'data-label': word }, plan.unavailable[key] ? '–' : 'no answer');
  const of = visible(namespace.name);
  const better = hardened !== null && hardened !== level;
  return element(
    'td',
    { class: level, 'data-label': word },
    button({ level, mode, harden: false }, level, `${of}, ${word}: ${level}`, chosen),
    better && button({ level: hardened, mode, harden: true }, [element('span', { class: 'note' }, 'hardened '), chip(hardened)], `${of}, ${word}, hardened: ${hardened}`, chosen),
  );
}

function heat(plan, chosen) {
  const columns = [['Namespace'], ['Enforces'], ...MODES.map(([, , title]) => [title])];
  const rows = plan.namespaces.map((namespace) => {
    const empty = Object.values(namespace.levels).every((level) => level === null) && !namespace.unknown;
    const cells = empty
      ? [element('td', { class: 'nothing', colspan: '4', 'data-label': '' }, 'no pods in the input')]
      : MODES.map((one) => cell(plan, namespace, one, chosen));
    const enforces = element('td', { 'data-label': 'enforces' }, namespace.enforce ?? '–');
    return element('tr', {}, element('th', { scope: 'row' }, name(namespace.name)), enforces, ...cells);
  });
  const head = element('tr', {}, ...columns.map(([title]) => element('th', { scope: 'col' }, title)));
  return element('table', { class: 'heat' }, element('caption', {}, 'The strictest level that all pods of a namespace meet'), element('thead', {}, head), element('tbody', {}, ...rows));
}

function lead(plan) {
  if (!plan.istio) return 'There is no Istio in the input, so there is no mode to choose.';
  const { version, namespace, revision, mode } = plan.istio;
  return ['Istio ', name(version), ' in ', name(namespace), ', revision ', name(revision), ', mode ', element('strong', {}, mode === 'asIs' ? 'as it is' : mode), '.'];
}

// Shows a plan; `picked` is called after a cell has set the form.
export function showMatrix(plan, picked) {
  const chosen = (cell) => {
    choose(cell);
    picked();
  };
  const reasons = plan.istio ? Object.entries(plan.unavailable) : [];
  show(
    'matrix',
    element('p', {}, ...[lead(plan)].flat(), ' As pods are admitted, with what Istio adds to them. Hardened: with ', element('code', {}, 'workloads.harden: restricted'), ' and all images taken to run without root. A cell sets the form.'),
    summary(plan, chosen),
    ...reasons.map(([key, why]) => element('p', { class: 'note' }, `No ${key}: ${visible(why)}`)),
    later({ class: 'by-namespace', open: plan.namespaces.length <= 40 }, `By namespace (${plan.namespaces.length})`, () => heat(plan, chosen)),
  );
}

// The pressed cells, after the form has changed.
export function pressMatrix() {
  for (const one of document.querySelectorAll('#matrix .pick')) {
    one.setAttribute('aria-pressed', isChosen(JSON.parse(one.dataset.cell)) ? 'true' : 'false');
  }
}
