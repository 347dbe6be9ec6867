// The page on a server of this machine, in a headless Chromium that tells of everything that is wrong.

import { createServer } from 'node:http';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';

const require = createRequire(new URL('../../bin/browser/package.json', import.meta.url));
const { chromium } = require('playwright-core');
export const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml' };
// GitHub Pages serves a project below its name.
export const BASE = '/owner/project/';

// Serves a folder below BASE; `more` has other paths with their bytes.
export async function serve(folder, more = {}, headers = {}) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (path in more) return response.end(more[path]());
    const file = join(folder, path.startsWith(BASE) ? path.slice(BASE.length) || 'index.html' : 'nowhere');
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'text/plain' }).end(readFileSync(file));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => new Promise((done) => (server.closeAllConnections(), server.close(done)));
  return { url: origin + BASE, origin, close };
}

// As root, Chromium starts only without its sandbox; the pages are our own.
export const launch = (executablePath) => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

const problems = [];
export const wrong = (where, what) => problems.push(`${where}: ${what}`);
export const is = (where, got, wanted) => got === wanted || wrong(where, `${JSON.stringify(got)?.slice(0, 300)}, not ${JSON.stringify(wanted)?.slice(0, 300)}`);
export const has = (where, text, part) => text?.includes(part) || wrong(where, `"${part}" is not in "${text?.slice(0, 600)}"`);

export function report() {
  for (const problem of problems) console.error(problem);
  return problems.length;
}

// A page that has loaded; what it says on its console, and each of its requests, is heard.
export async function open(browser, url, where, { expects, ...options } = {}, before = async () => {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const requests = [];
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  devtools.on('Network.requestWillBeSent', ({ request }) => requests.push(request.url));
  const noise = (message) => !['error', 'warning'].includes(message.type()) || (expects && message.text().includes(expects));
  page.on('console', (message) => noise(message) || wrong(where, `console: ${message.text()}`));
  page.on('pageerror', (error) => wrong(where, `script: ${error.message}`));
  page.on('dialog', (dialog) => (wrong(where, `dialog: ${dialog.message()}`), dialog.dismiss()));
  await before(page, context);
  await page.goto(url);
  await page.waitForSelector('html[data-ready]');
  return { context, page, requests };
}

// Waits until an answer has come after something was done.
export async function answered(page, act) {
  await page.evaluate(() => {
    window.answers = 0;
    window.watch ??= new MutationObserver(() => ['done', 'error'].includes(document.getElementById('state').dataset.state) && window.answers++);
    window.watch.observe(document.getElementById('state'), { attributes: true, childList: true });
  });
  await act();
  await page.waitForFunction(() => window.answers > 0 && document.getElementById('answers').ariaBusy === 'false', undefined, { timeout: 60_000 });
  return page.textContent('#state');
}
