import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeDocument } from './reference/document.ts';
import { renderPage } from './reference/page.ts';

/**
 * Makes the API reference that the Worker serves: `dist/reference/openapi.txt` and `docs.html`. Wrangler runs it before `dev` and
 * `deploy` (`[build]` in wrangler.toml), the test configuration before tests.
 */
const folder = join(import.meta.dirname, '../dist/reference');
const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  version: string;
};
const document = makeDocument(version);

await mkdir(folder, { recursive: true });
await writeIfChanged('openapi.txt', JSON.stringify(document));
await writeIfChanged('docs.html', await renderPage(document));

/** Leaves an unchanged file alone: `wrangler dev` starts the Worker anew whenever one is written. */
async function writeIfChanged(name: string, text: string): Promise<void> {
  const file = join(folder, name);
  const present = await readFile(file, 'utf8').catch(() => undefined);
  if (present !== text) await writeFile(file, text);
}
