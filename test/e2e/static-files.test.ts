import { globSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { HEADERS } from '../../src/http/security-headers.ts';
import { send } from './client.ts';
import { ready } from './shared.ts';

/** What the platform serves before the Worker is asked: the build's whole folder, as `npm run dev` and Cloudflare serve it. */

const FOLDER = 'dist/static';

const files = globSync('**/*.*', { cwd: FOLDER });
const TYPES: Record<string, RegExp> = {
  html: /^text\/html/,
  json: /^application\/json/,
  css: /^text\/css/,
  js: /^(?:text|application)\/javascript/,
  svg: /^image\/svg\+xml/,
  tgz: /^application\/gzip$/,
};

test('the reference, every stylesheet, the script and the package are there', () => {
  const stylesheets = ['assets/dashboard.css', 'assets/page.css', 'assets/reference.css'];
  expect(files.toSorted()).toEqual(
    [
      ...stylesheets,
      'assets/dashboard.js',
      'assets/favicon.svg',
      'docs.html',
      'index.html',
      'mushu.tgz',
      'openapi.json',
    ].sort(),
  );
});

describe.each(files)('%s', (file) => {
  const url = `${ready.url}/${file.replace(/^index\.html$|\.html$/, '')}`;

  test('is served as it was made, with the headers of every other answer', async () => {
    const response = await send(url);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(readFileSync(`${FOLDER}/${file}`))).toBe(true);
    expect(response.headers.get('Content-Type')).toMatch(TYPES[file.split('.').at(-1) ?? ''] ?? /none/);
    for (const [name, value] of Object.entries({ ...HEADERS, 'Cache-Control': 'public, max-age=300' })) {
      expect(response.headers.get(name), name).toBe(value);
    }
  });

  test('is not sent again to who has it', async () => {
    const etag = (await send(url)).headers.get('ETag') ?? '';
    const again = await send(url, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(304);
    expect(again.headers.get('Cache-Control')).toBe('public, max-age=300');
    expect((await send(url, { headers: { 'If-None-Match': '"another"' } })).status).toBe(200);
  });

  test('answers HEAD without a body, and takes no other method', async () => {
    const head = await send(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const refused = await send(url, { method });
      expect([refused.status, refused.headers.get('Allow')], method).toEqual([405, 'GET, HEAD']);
      expect(refused.headers.get('X-Content-Type-Options'), method).toBe('nosniff');
    }
  });
});

test('what is beside them is the Worker’s: nothing of the build can be had that is not meant to be', async () => {
  for (const path of ['/_headers', '/assets/', '/assets/no-such.css', '/openapi', '/src/worker.ts']) {
    const response = await send(`${ready.url}${path}`);
    expect(response.status, path).toBe(404);
    expect(response.headers.get('X-Request-Id'), path).not.toBeNull();
  }
});

test('the front page says what this is, and leads to the dashboard, the reference and the health page', async () => {
  const page = await (await send(`${ready.url}/`)).text();
  expect(page).toContain('A Withings OAuth broker');
  expect(page).not.toMatch(/<script|<style| style=/);
  for (const path of ['/dashboard', '/docs', '/openapi.json', '/healthz', '/assets/favicon.svg']) {
    expect(page).toContain(`href="${path}"`);
    const answer = await send(`${ready.url}${path}`, { headers: { Accept: 'text/html' } });
    expect([200, 303], path).toContain(answer.status);
  }
});

test('the page shows every operation, and loads nothing but our own stylesheet', async () => {
  const page = await (await send(`${ready.url}/docs`)).text();
  expect(page).not.toMatch(/<script|<style| style=| on\w+=|src=|(?:href|url)[=(]["']?(?:https?:|\/\/)/i);
  for (const { id } of OPERATIONS) expect(page).toContain(`<article id="${id}">`);
});
