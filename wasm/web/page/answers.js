// What the command said, what it changed, and what stands in the way of the next level.

import { chip, count, element, later, name, sentence, show, visible } from './dom.js';

const SEVERITIES = ['error', 'warning', 'info'];
const FIRST = 50; // how many lines a long list begins with

// The lines of standard error by severity, and the rest: the summary, or what is no finding at all.
export function told(said) {
  const lines = { error: [], warning: [], info: [], rest: [] };
  for (const line of said.split('\n').filter(Boolean)) {
    const [, severity, message] = /^\[(error|warning|info)\] (.*)$/.exec(line) ?? [];
    if (severity) lines[severity].push(message);
    else lines.rest.push(line);
  }
  return lines;
}

// A list that shows its rest when asked.
function long(items, draw, list) {
  const more = (from) => {
    list.append(...items.slice(from, from + FIRST * 10).map(draw));
    const next = from + FIRST * 10;
    if (next < items.length) after(next);
  };
  const holder = element('div', {}, list);
  const after = (next) => {
    const button = element('button', { type: 'button', onclick: () => (button.remove(), more(next)) }, `${count(items.length - next, 'more line')}`);
    holder.append(button);
  };
  list.append(...items.slice(0, FIRST).map(draw));
  if (items.length > FIRST) after(FIRST);
  return holder;
}

// The lines by whom they are about, each resource once, where it first occurs.
function byResource(lines) {
  const groups = new Map();
  for (const line of lines) {
    const [, place, rest] = /^(\S*\/\S*(?: \S+)?): (.*)$/.exec(line) ?? [];
    const [resource, field] = (place ?? '').split(' ');
    if (!groups.has(resource)) groups.set(resource, []);
    groups.get(resource).push({ field, text: rest ?? line });
  }
  return [...groups];
}

function group([resource, messages]) {
  const list = messages.map(({ field, text }) => element('li', {}, ...(field ? [element('span', { class: 'place' }, name(field)), ' '] : []), ...sentence(text)));
  return element('div', { class: 'about' }, resource && element('p', { class: 'place' }, name(resource)), element('ul', {}, ...list));
}

export function showFindings(answer) {
  const lines = told(answer.said);
  const first = answer.plan.said === answer.said ? { error: [], warning: [], info: [] } : told(answer.plan.said);
  const about = [...new Set([...first.error, ...first.warning])].filter((line) => ![...lines.error, ...lines.warning].includes(line));
  const groups = SEVERITIES.filter((severity) => lines[severity].length).map((severity) =>
    later(
      { class: `said ${severity}`, open: severity !== 'info' },
      [element('span', { class: `severity ${severity}` }, severity === 'info' ? `${lines.info.length} info` : count(lines[severity].length, severity))],
      () => long(byResource(lines[severity]), group, element('div', {})),
    ),
  );
  show(
    'findings',
    groups.length === 0 && about.length === 0 && element('p', {}, 'Nothing to say.'),
    ...groups,
    about.length > 0 && later({ class: 'said' }, `What the plan has to say (${about.length})`, () => long(byResource(about), group, element('div', {}))),
    later({ class: 'said raw' }, 'Standard error, word for word', () => element('pre', { tabindex: '0', 'aria-label': 'Standard error' }, visible(answer.said))),
  );
}

const SIGNS = { '+': 'ins', '-': 'del', ' ': 'span' };

function hunk(lines) {
  return lines.map((line) => element(SIGNS[line[0]], {}, `${visible(line)}\n`));
}

const MOST = 3000; // lines of one resource; the whole is in the result

function difference(hunks) {
  const pre = element('pre', { class: 'diff', tabindex: '0', 'aria-label': 'Difference' });
  let left = MOST;
  for (const [place, lines] of hunks.entries()) {
    if (place > 0) pre.append(element('span', { class: 'gap' }, '⋯\n'));
    pre.append(...hunk(lines.slice(0, left)));
    left -= lines.length;
    if (left <= 0) {
      pre.append(element('span', { class: 'gap' }, '⋯ cut here; the whole is in the result\n'));
      break;
    }
  }
  return pre;
}

// `hunks(number)` asks for the lines of a change when it is unfolded.
export function showChanges(answer, hunks) {
  const { changes } = answer;
  const draw = (change, number) => {
    const summary = [
      element('span', { class: `kind ${change.kind}` }, change.kind),
      ' ',
      name(change.resource),
      ' ',
      element('span', { class: 'counts' }, element('span', { class: 'plus' }, `+${change.plus}`), ' ', element('span', { class: 'minus' }, `−${change.minus}`)),
    ];
    return later({ class: 'change' }, summary, () => {
      const holder = element('div', {}, element('p', { class: 'note' }, '…'));
      hunks(number).then(
        (lines) => holder.replaceChildren(difference(lines)),
        (error) => holder.replaceChildren(element('p', { class: 'note' }, error.message)),
      );
      return holder;
    });
  };
  const numbered = changes.map((change, number) => [change, number]);
  const nothing = answer.written === 0 ? 'Nothing was written, so nothing changes.' : 'Nothing: the input is as the configuration wants it.';
  show(
    'changes',
    changes.length === 0
      ? element('p', {}, nothing)
      : element('p', {}, count(changes.length, 'resource'), '. Every other byte stays as it is.'),
    changes.length > 0 && long(numbered, ([change, number]) => draw(change, number), element('div', { class: 'list' })),
  );
}

const KEYS = { none: 'asIs', sidecar: 'sidecar', cni: 'cni', ambient: 'ambient' };

function pod(blocker) {
  const resource = element('h3', {}, visible(blocker.kind), ' ', name(blocker.name));
  const violations = (blocker.violations ?? []).map(({ reason, detail }) => element('li', {}, visible(`${reason} (${detail})`)));
  const error = blocker.error && element('p', { class: 'no-answer' }, 'No answer: ', visible(blocker.error));
  return element('article', { class: 'pod' }, resource, violations.length > 0 && element('ul', {}, ...violations), error);
}

// By namespace, as the plan's text has it, in the mode that the form asks for.
export function showBlockers(plan, mode) {
  // Where there is no such mode, what holds is what is so now.
  const key = plan.istio && !plan.unavailable[KEYS[mode]] ? KEYS[mode] : 'asIs';
  const namespaces = plan.namespaces.map((namespace) => {
    const blockers = namespace.blockers.filter((blocker) => blocker.mode === key);
    const unknown = (namespace.unknown ?? []).filter((one) => one.mode === key);
    return { namespace, blockers, unknown };
  });
  const told = namespaces.filter(({ blockers, unknown }) => blockers.length + unknown.length);
  const parts = told.map(({ namespace, blockers, unknown }) => {
    const level = namespace.levels[key];
    const summary = [
      element('span', { class: 'name' }, name(namespace.name)),
      ' ',
      level && chip(level),
      ' ',
      element('span', { class: 'note' }, blockers.length > 0 ? `${count(blockers.length, 'pod')} short of ${blockers[0].level}` : count(unknown.length, 'pod') + ' without an answer'),
    ];
    return later({ class: 'namespace' }, summary, () => long([...unknown, ...blockers], pod, element('div', {})));
  });
  const where = key === 'asIs' ? (plan.istio ? 'With Istio as it is' : 'Without Istio') : `In mode ${key}`;
  const judged = plan.namespaces.some(({ levels }) => levels[key] !== null);
  const nothing = judged ? `${where} every pod meets restricted.` : 'There are no pods in the input.';
  show('blockers', element('p', {}, parts.length ? `${where}, without hardening: the pods between a namespace and its next level.` : nothing), ...parts);
}
