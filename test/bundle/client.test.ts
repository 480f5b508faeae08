import { join } from 'node:path';

import { build } from 'esbuild';
import { expect, test } from 'vitest';

import * as client from '../../src/client/index.ts';

const root = join(import.meta.dirname, '../..');

/** The modules that the broker serves in `mushu.tgz`, bundled by an app that imports one function. */
const bundled = async (contents: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
  });
  return outputFiles[0]?.text ?? '';
};

const declared = (code: string): string[] =>
  [...code.matchAll(/^(?:var|const|let|async function|function) (\w+)/gm)].map(([, name = '']) => name);

test('an app’s bundle of the client holds the function that it imports, what that one calls, and no other', async () => {
  const names = Object.entries(client)
    .filter(([, one]) => typeof one === 'function')
    .map(([name]) => name);
  const one = declared(await bundled(`export { getStatus } from './src/client/index.ts';`));
  expect(names.filter((name) => one.includes(name))).toEqual(['getStatus', 'appPath', 'pathOf', 'send']);
});
