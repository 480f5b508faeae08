import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { HEADERS } from '../src/http/security-headers.ts';
import { renderFrontPage } from './front-page.ts';
import { makeDocument } from './reference/document.ts';
import { renderPage } from './reference/page.ts';
import { writeServedPackage } from './served-package.ts';

/**
 * Makes the files that Cloudflare serves without the Worker (`[assets]` in wrangler.toml). These are the API reference
 * as JSON and as a page, the front page, the stylesheets, and the package with `mushu` and the client. Wrangler runs it
 * before `dev` and `deploy` (`[build]`). The test configuration runs it before tests, without the package, which takes
 * seconds.
 */
const folder = join(import.meta.dirname, '../dist/static');
const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  version: string;
};
const document = makeDocument(version);

/** The dashboard's stylesheet, in this order. */
const DASHBOARD_PARTS = ['base', 'frame', 'table', 'form', 'disclosure', 'plot', 'phone'].map(
  (part) => `dashboard/styles/${part}.css`,
);

/** A file of the Worker's source. */
const source = (file: string): Promise<string> => readFile(join(import.meta.dirname, '../src/http', file), 'utf8');

/** The headers of the Worker's own answers, and how long a browser may cache these files. */
const headers = {
  ...HEADERS,
  'Cache-Control': 'public, max-age=300',
  // RFC 9110, 15.5.6: a 405 needs `Allow`. The platform sends the header with other statuses too.
  Allow: 'GET, HEAD',
};

await mkdir(join(folder, 'assets'), { recursive: true });
await writeIfChanged('openapi.json', JSON.stringify(document));
await writeIfChanged('index.html', await renderFrontPage(version));
await writeIfChanged('docs.html', await renderPage(document));
for (const file of ['page.css', 'reference.css', 'favicon.svg'])
  await writeIfChanged(`assets/${file}`, await source(file));
await writeIfChanged('assets/dashboard.js', await source('dashboard/script/dashboard.js'));
await writeIfChanged('assets/dashboard.css', (await Promise.all(DASHBOARD_PARTS.map(source))).join('\n'));
await writeIfChanged(
  '_headers',
  `/*\n${Object.entries(headers)
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join('')}/mushu.tgz\n  Content-Type: application/gzip\n`,
);
if (!process.argv.includes('--without-package')) await writeServedPackage(join(folder, 'mushu.tgz'));

/** Leaves an unchanged file alone: `wrangler dev` restarts the Worker at each write. */
async function writeIfChanged(name: string, text: string): Promise<void> {
  const file = join(folder, name);
  const present = await readFile(file, 'utf8').catch(() => undefined);
  if (present !== text) await writeFile(file, text);
}
