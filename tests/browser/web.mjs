// Uses the page in a headless Chromium as people do, and compares what it gives with the native command.
//
//     node web.mjs TASK
//
// TASK is a file of JSON: { chromium, screenshots, page, unroot, kustomize, demo, platforms, cases, work }. Says on standard
// error what is wrong and ends with 1 then. Packages come from bin/browser, see scripts/tools.sh.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compare, downloaded, native, sameAsCommand } from './same.mjs';
import { answered, axe, has, is, launch, open, report, serve, wrong } from './site.mjs';

const task = JSON.parse(readFileSync(process.argv[2], 'utf8'));
mkdirSync(task.screenshots, { recursive: true });
const demo = readFileSync(task.demo);
const browser = await launch(task.chromium);
const site = await serve(task.page);
const file = (name, content) => ({ name, mimeType: 'application/yaml', buffer: Buffer.from(content) });
const choose = (page, field, value) => page.check(`#form [name=${field}][value=${value}]`, { force: true });

async function tooWide(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const scrolls = (element) => element && (['auto', 'scroll'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const out = [...document.querySelectorAll('main *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && box.right > wide + 1 && !element.closest('thead, pre, textarea');
    });
    return document.documentElement.scrollWidth > wide || out.length ? out.map((element) => element.outerHTML.slice(0, 100))[0] ?? 'the page' : '';
  });
}

async function accessible(page, where) {
  await page.evaluate(axe);
  const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  if (![...results.passes, ...results.violations].some((rule) => rule.id === 'color-contrast')) wrong(where, 'contrast was not looked at');
  for (const rule of results.violations) {
    wrong(where, `axe, ${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' ')}`);
  }
}

// By day and by night, narrow and wide: empty, with an answer, with everything unfolded, and with a refusal.
async function looks(width, colorScheme) {
  const where = `looks, ${width} px, ${colorScheme}`;
  const { page, context } = await open(browser, site.url, where, { viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
  const look = async (name) => {
    const wide = await tooWide(page);
    if (wide) wrong(`${where}, ${name}`, `wider than the window: ${wide}`);
    await accessible(page, `${where}, ${name}`);
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(task.screenshots, `page-${name}-${width}-${colorScheme}.png`), fullPage: true });
  };
  await look('empty');
  await answered(page, () => page.click('#demo'));
  await look('demo');
  await answered(page, () => choose(page, 'level', 'restricted'));
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  await page.waitForTimeout(200);
  await look('refused');
  await answered(page, () => page.setInputFiles('#file', file('notes.txt', 'a: [')));
  await look('not-usable');
  await context.close();
}

// The whole way without a network: what the page needs it has.
async function nothingLeaves() {
  const where = 'nothing leaves';
  const own = await serve(task.page);
  const { page, context, requests } = await open(browser, own.url, where, { permissions: ['clipboard-read', 'clipboard-write'] });
  const foreign = requests.filter((url) => !url.startsWith(own.url) && !url.startsWith('blob:'));
  if (foreign.length) wrong(where, `asked for ${foreign}`);
  if (requests.length < 8) wrong(where, `only ${requests.length} requests were heard`);
  requests.length = 0;
  await own.close();
  await context.setOffline(true);
  await answered(page, () => page.click('#demo'));
  await page.click('#changes summary >> nth=0');
  await page.waitForSelector('#changes pre.diff');
  await downloaded(page);
  for (const [field, value] of [['mode', 'ambient'], ['level', 'strictest'], ['mode', 'none']]) await answered(page, () => choose(page, field, value));
  await answered(page, () => page.check('[name=harden]'));
  const cell = page.locator('#matrix .summary .pick >> nth=2');
  await answered(page, () => cell.click());
  is(`${where}, the cell is pressed`, await cell.getAttribute('aria-pressed'), 'true');
  is(`${where}, the form follows`, await page.inputValue('[name=mode]:checked'), 'cni');
  is(`${where}, the level follows`, await page.inputValue('[name=level]:checked'), 'baseline');
  for (const button of await page.locator('.copy').all()) {
    await button.click();
    await page.waitForFunction(() => document.getElementById('copied').textContent.includes('is in the clipboard'));
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    is(`${where}, clipboard`, copied, await page.inputValue(`#${await button.getAttribute('data-copies')}`));
  }
  // Another worker, also without a request.
  await page.evaluate(() => document.getElementById('cancel').click());
  await answered(page, () => choose(page, 'level', 'proposed'));
  const asked = requests.filter((url) => !url.startsWith('blob:'));
  if (asked.length) wrong(where, `asked for ${asked}`);
  const kept = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length, indexedDB.databases && true]);
  is(`${where}, kept`, JSON.stringify(kept), '["",0,0,true]');
  is(`${where}, databases`, await page.evaluate(async () => (await indexedDB.databases()).length), 0);
  await context.close();
}

// Tab reaches everything in the order of the page, what has the focus is seen, and arrows, blank and Enter do the rest.
async function keyboard() {
  const where = 'keyboard';
  const { page, context } = await open(browser, site.url, where);
  const press = (key) => page.keyboard.press(key);
  const until = async (selector) => {
    for (let stop = 0; stop < 80; stop++) {
      await press('Tab');
      const at = await page.evaluate((selector) => {
        const element = document.activeElement;
        const seen = [element, element.nextElementSibling, element.closest('label')].some((part) => part && getComputedStyle(part).outlineStyle !== 'none');
        return { found: element.matches(selector), seen, html: element.outerHTML.slice(0, 100) };
      }, selector);
      if (!at.seen && !at.html.startsWith('<body')) wrong(where, `no focus to be seen on ${at.html}`);
      if (at.found) return;
    }
    wrong(where, `Tab does not reach ${selector}`);
  };
  await press('Tab');
  is(`${where}, first stop`, await page.evaluate(() => document.activeElement.className), 'skip');
  await until('#text');
  await answered(page, () => page.keyboard.insertText('apiVersion: v1\nkind: Namespace\nmetadata:\n  name: typed\n'));
  has(where, await page.textContent('#matrix'), 'typed');
  await until('#demo');
  await answered(page, () => press('Enter'));
  await until('#download');
  const [download] = await Promise.all([page.waitForEvent('download'), press('Enter')]);
  is(`${where}, download`, download.suggestedFilename(), 'unroot-result.yaml');
  await until('[name=level]');
  await answered(page, () => press('ArrowDown'));
  is(`${where}, arrow`, await page.inputValue('[name=level]:checked'), 'strictest');
  await until('[name=mode]');
  await answered(page, () => press('ArrowRight'));
  is(`${where}, arrow`, await page.inputValue('[name=mode]:checked'), 'ambient');
  await until('[name=harden]');
  await answered(page, () => press('Space'));
  has(where, await page.inputValue('#config'), 'harden: restricted');
  await until('.pick');
  await answered(page, () => press('Enter'));
  is(`${where}, the cell keeps the focus`, await page.evaluate(() => document.activeElement.getAttribute('aria-pressed')), 'true');
  await until('#config');
  await answered(page, () => press('x'));
  is(`${where}, by hand`, await page.isVisible('#by-hand'), true);
  await until('#changes summary, #findings summary');
  await press('Enter');
  // Back, past all of it.
  await page.focus('#back');
  await answered(page, () => press('Enter'));
  is(`${where}, the form is back`, await page.isVisible('#by-hand'), false);
  await context.close();
}

// Whole platforms, as a person uses the page: a file, the proposal of the plan, then what the form has.
async function platforms() {
  for (const [name, path] of Object.entries(task.platforms)) {
    const where = `Kubeflow ${name}`;
    const input = readFileSync(path);
    const { page, context } = await open(browser, site.url, where, { viewport: { width: 1600, height: 900 } });
    const same = (what, act) => compare(page, `${where}, ${what}`, task.unroot, input, task.work, act);
    const proposed = await same('proposed', () => page.setInputFiles('#file', path));
    writeFileSync(join(task.work, 'cni.yaml'), 'apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  istio:\n    mode: cni\n');
    const plan = native(task.unroot, ['plan', '--output', 'config', '--config', 'cni.yaml', '-'], input, task.work);
    is(`${where}, the functionConfig`, proposed, plan.output.toString());
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(task.screenshots, `page-kubeflow-${name}-1600-light.png`), fullPage: true });
    const cell = page.getByRole('button', { name: 'restricted, hardened, cni: ' });
    await same('a cell of the matrix', () => cell.click());
    is(`${where}, the cell is pressed`, await cell.getAttribute('aria-pressed'), 'true');
    // What a cell says of all namespaces comes true.
    const [, met, all] = /: (\d+) of (\d+)/.exec(await cell.getAttribute('aria-label'));
    if (met === all) has(`${where}, a cell of the matrix`, await page.textContent('#state'), '(exit code 0)');
    await same('restricted, cni', () => page.uncheck('[name=harden]'));
    await same('hardened', () => page.check('[name=harden]'));
    await same('strictest, ambient', async () => {
      await choose(page, 'level', 'strictest');
      await choose(page, 'mode', 'ambient');
    });
    await same('baseline, sidecar', async () => {
      await choose(page, 'mode', 'sidecar');
      await choose(page, 'level', 'baseline');
    });
    await same('labels alone', async () => {
      await page.uncheck('[name=harden]');
      await choose(page, 'mode', 'none');
    });
    await page.click('.more >> xpath=.. >> summary');
    await same('all the rest', async () => {
      await page.selectOption('[name=warn]', 'restricted');
      await page.selectOption('[name=users]', 'baseline');
      await page.check('[name=onViolation]');
      await page.selectOption('[name=platform]', 'openshift');
      await choose(page, 'mode', 'cni');
    });
    await context.close();
  }
}

// The page goes on moving while the worker is at work: no gap between two beats of a second.
async function responsive() {
  const where = 'responsive';
  const path = task.platforms['26.03'];
  if (!path) return;
  const text = readFileSync(path, 'utf8');
  const { page, context } = await open(browser, site.url, where, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.evaluate(() => {
    window.gap = 0;
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      window.gap = Math.max(window.gap, now - last);
      last = now;
    }, 10);
  });
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.focus('#text');
  await page.evaluate(() => (window.gap = 0));
  await answered(page, () => page.keyboard.press('Control+V'));
  is(`${where}, what was pasted is put away`, await page.isVisible('#held'), true);
  for (const mode of ['ambient', 'sidecar', 'cni']) await answered(page, () => choose(page, 'mode', mode));
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  await page.waitForTimeout(300);
  const gap = await page.evaluate(() => window.gap);
  if (gap > 1000) wrong(where, `the page stood still for ${Math.round(gap)} ms`);
  const size = text.length;
  if (size < 10_000_000) wrong(where, `only ${size} bytes`);
  await context.close();
}

// What people do wrong, and what goes wrong with them: the page says it in the command's words, and can be used after it.
async function badInput() {
  const where = 'bad input';
  const { page, context } = await open(browser, site.url, where);
  const usable = async (after) => has(`${where}, after ${after}`, await answered(page, () => page.click('#demo')), 'Done');
  for (const [name, content] of [['broken.yaml', 'a: [\n'], ['picture.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0, 1])], ['empty.yaml', ''], ['words.txt', 'hello'], ['nul.yaml', 'a: "\0"']]) {
    await answered(page, () => page.setInputFiles('#file', file(name, content)));
    const { said } = native(task.unroot, ['plan', '-'], Buffer.from(content), task.work);
    await page.evaluate(() => (document.querySelector('details.raw').open = true));
    await page.waitForSelector('details.raw pre');
    is(`${where}, ${name}`, await page.textContent('details.raw pre'), said);
    await usable(name);
  }
  const large = join(task.work, 'large.yaml');
  writeFileSync(large, '');
  truncateSync(large, 100_000_000);
  has(`${where}, 100 MB`, await answered(page, () => page.setInputFiles('#file', large)), 'large.yaml has 100 MB; this page takes up to 64 MB, and nothing of it was read');
  await usable('100 MB');
  // A key that is not there, by hand: the command's message.
  const config = await page.inputValue('#config');
  await answered(page, () => page.fill('#config', config.replace('mode: cni', 'mood: cni')));
  has(`${where}, by hand`, await page.textContent('#findings'), 'mood');
  await answered(page, () => page.fill('#config', config));
  has(`${where}, mended by hand`, await page.textContent('#state'), 'Done');
  await answered(page, () => page.click('#back'));
  await context.close();
}

// Names that would do harm in a page that takes them for its own are text.
async function hostile() {
  const where = 'hostile';
  const name = JSON.stringify('<img src=x onerror=alert(1)>\u202e');
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: ${name}}\nspec: {hostNetwork: true, containers: [{name: ${name}, image: x}]}\n`;
  const { page, context } = await open(browser, site.url, where);
  await answered(page, () => page.setInputFiles('#file', file('<b>.yaml', `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n---\n${pod}`)));
  await answered(page, () => choose(page, 'level', 'restricted'));
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  await page.waitForTimeout(100);
  is(`${where}, elements`, await page.locator('img, b').count(), 0);
  has(where, await page.textContent('#matrix'), '<img src=x onerror=alert(1)>\\u{202e}');
  has(where, await page.textContent('#blockers'), '<img src=x');
  await context.close();
}

// A list that brings its configuration.
async function ownConfiguration() {
  const where = 'own configuration';
  const list = task.cases.find(({ name }) => name.endsWith('list-configuration-first'));
  const wanted = native(task.unroot, [], readFileSync(list.input), list.folder);
  const { page, context } = await open(browser, site.url, where);
  const both = await answered(page, () => page.setInputFiles('#file', list.input));
  has(where, both, '(exit code 2)');
  has(where, await page.textContent('#findings'), 'there must be only one configuration');
  await page.click('.more >> xpath=.. >> summary');
  has(where, await answered(page, () => page.check('[name=own]')), `(exit code ${wanted.code})`);
  if (!(await downloaded(page)).equals(wanted.output)) wrong(where, 'what is downloaded differs');
  await context.close();
}

// A clipboard that is locked: the text is selected, and the page says so.
async function lockedClipboard() {
  const where = 'locked clipboard';
  const locked = await serve(task.page, {}, { 'permissions-policy': 'clipboard-write=(), clipboard-read=()' });
  const { page, context } = await open(browser, locked.url, where, { expects: 'The Clipboard API has been blocked' });
  await answered(page, () => page.click('#demo'));
  await page.click('[data-copies=config]');
  await page.waitForFunction(() => document.getElementById('copied').textContent.includes('does not let this page use the clipboard'));
  const selected = await page.evaluate(() => {
    const field = document.activeElement;
    return field.value.slice(field.selectionStart, field.selectionEnd);
  });
  is(where, selected, await page.inputValue('#config'));
  await context.close();
  await locked.close();
}

// Bytes that a text field would change come through a paste as they are, and drops are taken.
async function pasted() {
  const where = 'pasted';
  const text = demo.toString().replaceAll('\n', '\r\n');
  const { page, context } = await open(browser, site.url, where);
  const hand = (type, text, selector) =>
    page.evaluate(
      ({ type, text, selector }) => {
        const data = new DataTransfer();
        if (type === 'drop') data.items.add(new File([text], 'dropped.yaml'));
        else data.setData('text/plain', text);
        const made = type === 'drop' ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }) : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
        document.querySelector(selector).dispatchEvent(made);
      },
      { type, text, selector },
    );
  await compare(page, `${where}, carriage returns`, task.unroot, Buffer.from(text), task.work, () => hand('paste', text, '#text'));
  const marked = `\ufeff${demo}`;
  await compare(page, `${where}, dropped`, task.unroot, Buffer.from(marked), task.work, () => hand('drop', marked, '#drop'));
  has(where, await page.textContent('#held'), 'dropped.yaml');
  await context.close();
}

async function stopped() {
  const where = 'stopped';
  const path = task.platforms['26.03'] ?? task.demo;
  const large = `${readFileSync(path)}\n---\n`.repeat(4);
  writeFileSync(join(task.work, 'four.yaml'), large);
  const { page, context } = await open(browser, site.url, where);
  await page.setInputFiles('#file', join(task.work, 'four.yaml'));
  await page.click('#cancel');
  is(where, await page.textContent('#state'), 'Cancelled.');
  await answered(page, () => page.click('#again'));
  has(`${where}, again`, await answered(page, () => page.click('#demo')), 'Done');
  await context.close();
}

// A trap, as when there is no more memory: another worker takes over, and what happened is said.
async function trapped() {
  const where = 'trapped';
  const trap = "\nconst look = tools.look;\ntools.look = (question) => (question.input.name === 'trap.yaml' ? new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,120,0,0,10,5,1,3,0,0,11]))).exports.x() : look(question));\n";
  const { page, context } = await open(browser, site.url, where, {}, (page) =>
    page.route('**/worker.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()) + trap });
    }),
  );
  has(where, await answered(page, () => page.setInputFiles('#file', file('trap.yaml', 'a: b'))), 'needs more memory than a browser gives');
  has(where, await page.textContent('#state'), 'It was started again');
  has(`${where}, after it`, await answered(page, () => page.click('#demo')), 'Done');
  await context.close();
}

// The snippet in a real kustomization.
async function inKustomize() {
  const where = 'in kustomize';
  if (!task.kustomize) return;
  const { page, context } = await open(browser, site.url, where);
  await answered(page, () => page.click('#demo'));
  const snippet = await page.inputValue('#kustomization');
  writeFileSync(join(task.work, 'platform.yaml'), demo);
  writeFileSync(join(task.work, 'kustomization.yaml'), `resources: [platform.yaml]\n${snippet}`);
  const env = { PATH: dirname(task.unroot) };
  const built = spawnSync(task.kustomize, ['build', '--enable-alpha-plugins', '--enable-exec', task.work], { env });
  const labels = (text) => text.toString().split('pod-security.kubernetes.io/enforce: baseline').length - 1;
  is(where, built.status, 0);
  is(`${where}, labels`, labels(built.stdout), labels(await downloaded(page)));
  if (labels(built.stdout) < 2) wrong(where, `${labels(built.stdout)} labels: ${built.stderr}`);
  await context.close();
}

async function tried(part, ...rest) {
  const start = Date.now();
  try {
    await part(...rest);
  } catch (error) {
    wrong(part.name, error.stack.split('\n').slice(0, 4).join(' '));
  }
  if (process.env.UNROOT_TIMES) console.error(`${part.name} ${rest.filter((one) => typeof one !== 'object')}: ${Date.now() - start} ms`);
}

for (const scheme of ['light', 'dark']) for (const width of [360, 1600]) await tried(looks, width, scheme);
for (const part of [responsive, nothingLeaves, keyboard, badInput, hostile, ownConfiguration, lockedClipboard, pasted, stopped, trapped, inKustomize, platforms]) await tried(part);
await tried(sameAsCommand, browser, task.page, task.unroot, task.cases);
await site.close();
await browser.close();
process.exit(report() ? 1 : 0);
