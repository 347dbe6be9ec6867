// The page against the native command: the same bytes, words and exit codes. As the command that it is, on cases that the
// test gives; and as a person uses it, through the form, on whole platforms.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASE, answered, has, is, open, serve, wrong } from './site.mjs';

const ROOM = 256 * 1024 * 1024;

export function native(unroot, args, input, cwd) {
  const { status, stdout, stderr } = spawnSync(unroot, args, { input, cwd, maxBuffer: ROOM, env: {} });
  return { code: status, output: stdout, said: stderr.toString() };
}

// What the arguments of a case may name.
function filesOf({ folder, args }) {
  const inFolder = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  const named = args.flatMap((arg) => [arg, arg.split('=').pop()]).filter((arg) => statSync(join(folder, arg), { throwIfNoEntry: false })?.isFile());
  return [...new Set(folder.includes('golden') ? [...inFolder, ...named] : named)];
}

// All cases in one worker of the page.
export async function sameAsCommand(browser, folder, unroot, cases) {
  const served = {};
  const list = cases.map((one, number) => {
    const input = one.input && readFileSync(one.input);
    const expected = native(unroot, one.args, input ?? '', one.folder);
    const put = (name, read) => {
      served[`/case/${number}/${name}`] = read;
      return `/case/${number}/${name}`;
    };
    const files = Object.fromEntries(filesOf(one).map((name, place) => [name, put(`file-${place}`, () => readFileSync(join(one.folder, name)))]));
    if (input) files['-'] = put('input', () => readFileSync(one.input));
    const output = put('output', () => expected.output);
    return { name: one.name, args: one.args, files, output, code: expected.code, said: expected.said };
  });
  const site = await serve(folder, served);
  const { page, context } = await open(browser, site.url, 'the same as the command');
  const different = await page.evaluate(async ({ list, base }) => {
    const { Engine } = await import(`${base}engine.js`);
    const engine = await Engine.load();
    const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
    const found = [];
    for (const one of list) {
      const files = {};
      for (const [name, path] of Object.entries(one.files)) files[name] = await bytes(path);
      const got = await engine.call('command', { args: one.args, files });
      const wanted = await bytes(one.output);
      const same = got.output.length === wanted.length && got.output.every((byte, at) => byte === wanted[at]);
      if (got.code !== one.code || got.said !== one.said || !same) {
        found.push(`${one.name}: ${one.code} natively, ${got.code} here; output ${same ? 'is the same' : 'differs'}\n${one.said.slice(0, 300)}\nhere\n${got.said.slice(0, 300)}`);
      }
    }
    return found;
  }, { list, base: BASE });
  for (const one of different) wrong('the same as the command', one);
  await context.close();
  await site.close();
}

export async function downloaded(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  return readFileSync(await download.path());
}

// Does something on the page, and compares all that comes with what the command gives for the configuration that the page shows.
export async function compare(page, where, unroot, input, work, act) {
  const state = await answered(page, act);
  const config = await page.inputValue('#config');
  writeFileSync(join(work, 'unroot.yaml'), config);
  const wanted = native(unroot, ['--config', 'unroot.yaml'], input, work);
  has(`${where}, exit code`, state, `(exit code ${wanted.code})`);
  await page.evaluate(() => (document.querySelector('details.raw').open = true));
  await page.waitForSelector('details.raw pre');
  is(`${where}, standard error`, await page.textContent('details.raw pre'), wanted.said);
  is(`${where}, something to download`, await page.isEnabled('#download'), wanted.output.length > 0);
  if (wanted.output.length > 0 && !(await downloaded(page)).equals(wanted.output)) wrong(where, 'what is downloaded differs');
  return config;
}
