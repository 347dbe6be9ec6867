// Looks at HTML reports in a headless Chromium: by day and by night, narrow and wide, with scripts and without, on paper.
//
//     node page.mjs CHROMIUM SCREENSHOTS PAGE...
//
// Says on standard error what is wrong and ends with 1 then. Packages come from bin/browser, see scripts/tools.sh.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../../bin/browser/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [executablePath, screenshots, ...pages] = process.argv.slice(2);
const WIDTHS = [360, 1600];
const SCHEMES = ['light', 'dark'];
const problems = [];
const wrong = (where, what) => problems.push(`${where}: ${what}`);

mkdirSync(screenshots, { recursive: true });
// As root, Chromium starts only without its sandbox; the pages are our own.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

async function open(file, where, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong(where, `console: ${message.text()}`));
  page.on('pageerror', (error) => wrong(where, `script: ${error.message}`));
  page.on('dialog', (dialog) => {
    wrong(where, `dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => request.url() === pathToFileURL(file).href || wrong(where, `asked for ${request.url()}`));
  await page.goto(pathToFileURL(file).href);
  return { context, page };
}

async function looks(file, width, colorScheme) {
  const name = basename(file, '.html');
  const where = `${name}, ${width} px, ${colorScheme}`;
  const { context, page } = await open(file, where, { viewport: { width, height: 900 }, colorScheme });
  const overflow = await page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && box.right > wide + 1 && !element.closest('.skip, thead');
    });
    const scrolls = document.documentElement.scrollWidth > wide;
    return scrolls || out.length ? out.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)).join(' ') || 'the page' : '';
  });
  if (overflow) wrong(where, `wider than the window: ${overflow}`);
  const size = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.screenshot({ path: join(screenshots, `${name}-${width}-${colorScheme}.png`), fullPage: size < 8000 });
  await context.close();
}

async function accessible(file, width, colorScheme) {
  const where = `${basename(file, '.html')}, ${width} px, ${colorScheme}, axe`;
  // The page's own policy would keep the checker out.
  const { context, page } = await open(file, where, { viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
  await page.addScriptTag({ content: axe });
  const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const contrast = [...results.passes, ...results.violations].some((rule) => rule.id === 'color-contrast');
  if (!contrast) wrong(where, 'contrast was not looked at');
  for (const rule of results.violations) {
    wrong(where, `${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => node.html).join(' ')}`);
  }
  await context.close();
}

async function keyboard(file) {
  const where = `${basename(file, '.html')}, keyboard`;
  const { context, page } = await open(file, where, { viewport: { width: 1000, height: 900 } });
  const wanted = await page.evaluate(() => {
    const all = document.querySelectorAll('a[href], summary, input, button, [tabindex]');
    const tabs = [...all].filter((element) => element.checkVisibility() && (element.type !== 'radio' || element.checked));
    tabs.forEach((element, place) => (element.dataset.stop = place));
    return tabs.length;
  });
  const seen = new Set();
  for (let stop = 0; stop < wanted; stop++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return { stop: element.dataset.stop, outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, html: element.outerHTML.slice(0, 100) };
    });
    if (!at.outlined) wrong(where, `no focus to be seen on ${at.html}`);
    seen.add(at.stop);
    if (stop === 0 && !at.html.includes('skip')) wrong(where, `the first stop is ${at.html}`);
  }
  if (seen.size !== wanted) wrong(where, `${seen.size} of ${wanted} stops are reached by Tab`);
  const namespace = page.locator('details.namespace > summary').first();
  if (await namespace.count()) {
    await namespace.focus();
    await page.keyboard.press('Enter');
    if (await page.locator('details.namespace').first().evaluate((element) => element.open)) wrong(where, 'Enter does not fold a namespace');
  }
  await context.close();
}

async function filters(file) {
  const where = `${basename(file, '.html')}, filters`;
  const { context, page } = await open(file, where, { viewport: { width: 1000, height: 900 } });
  const sections = page.locator('details.namespace');
  const all = await sections.count();
  if (all < 2) return context.close();
  const name = await sections.nth(1).getAttribute('data-ns');
  await page.fill('#find', name.toUpperCase());
  const expected = await page.evaluate((word) => [...document.querySelectorAll('details.namespace')].filter((one) => one.dataset.ns.includes(word)).length, name);
  const left = await page.locator('details.namespace:visible').count();
  const rows = await page.locator('tbody tr:visible').count();
  if (left !== expected || rows !== expected) wrong(where, `"${name}" leaves ${left} sections and ${rows} rows, not ${expected}`);
  await page.fill('#find', '');
  if ((await page.locator('details.namespace:visible').count()) !== all) wrong(where, 'an emptied filter does not show all');
  await byLevel(page, where, all);
  await context.close();
}

async function byLevel(page, where, all) {
  for (const radio of await page.locator('input[name=level]').all()) {
    const value = await radio.getAttribute('value');
    await radio.check();
    const expected = value === 'all' ? all : await page.locator(`details.namespace[data-level=${value}]`).count();
    const left = await page.locator('details.namespace:visible').count();
    if (left !== expected) wrong(where, `level ${value} leaves ${left} sections, not ${expected}`);
  }
}

async function withoutScripts(file) {
  const where = `${basename(file, '.html')}, no scripts`;
  const { context, page } = await open(file, where, { viewport: { width: 1000, height: 900 }, javaScriptEnabled: false });
  if (await page.locator('#find').count() && (await page.locator('#find').isVisible())) wrong(where, 'the filter by name is shown and does nothing');
  const all = await page.locator('details.namespace').count();
  if ((await page.locator('details.namespace:visible').count()) !== all) wrong(where, 'not every namespace is shown');
  const hidden = await page.locator('article.pod').count() - (await page.locator('article.pod:visible').count());
  if (hidden) wrong(where, `${hidden} pods are not shown`);
  await byLevel(page, where, all);
  await context.close();
}

async function onPaper(file) {
  const name = basename(file, '.html');
  const { context, page } = await open(file, `${name}, paper`, { viewport: { width: 794, height: 1123 } });
  await page.emulateMedia({ media: 'print' });
  const folded = page.locator('details.change pre');
  if (await folded.count()) {
    const height = await folded.first().evaluate((element) => element.getBoundingClientRect().height);
    if (height < 10) wrong(`${name}, paper`, 'what is folded is not printed');
  }
  if (await page.locator('.filters').count() && (await page.locator('.filters').isVisible())) wrong(`${name}, paper`, 'filters are printed');
  await page.pdf({ path: join(screenshots, `${name}.pdf`), format: 'A4', margin: { top: '15mm', bottom: '15mm', left: '12mm', right: '12mm' } });
  await context.close();
}

async function tried(look, file, ...rest) {
  try {
    await look(file, ...rest);
  } catch (error) {
    wrong(`${basename(file, '.html')}, ${look.name}`, error.message.split('\n')[0]);
  }
}

for (const file of pages) {
  for (const scheme of SCHEMES) {
    for (const width of WIDTHS) {
      await tried(looks, file, width, scheme);
      await tried(accessible, file, width, scheme);
    }
  }
  for (const look of [keyboard, filters, withoutScripts, onPaper]) await tried(look, file);
}
await browser.close();
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
