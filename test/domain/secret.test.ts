import { inspect } from 'node:util';

import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as ours from '../../src/domain/secret.ts';
import * as withings from '../../src/withings/secret.ts';

/** The Withings client brings its own, because it imports nothing of ours; both keep to one table. */

const VALUE = 'mushu_key_5ec4e7';

/** By code that takes a secret for a text. */
const PRINTED: [way: string, print: (value: string) => unknown][] = [
  ['joined with others', (value) => ['Bearer', value].join(' ')],
  ['in a template', (value) => `Bearer ${value}`],
  ['added to a text', (value) => 'Bearer ' + value],
  ['as JSON', (value) => JSON.stringify({ token: value, list: [value] })],
  ['as the message of an error', (value) => new Error(value).message],
  ['as the cause of an error', (value) => inspect(new Error('failed', { cause: { token: value } }))],
  ['as the console shows it', (value) => inspect(value)],
  ['as the console shows everything', (value) => inspect({ a: { b: [value] } }, { showHidden: true, depth: 9 })],
  ['as a field of a form', (value) => new URLSearchParams({ token: value }).toString()],
];

const COPIED: [way: string, copy: (value: ours.Secret) => unknown][] = [
  ['its keys', (value) => Object.keys(value)],
  ['its entries', (value) => Object.entries(value)],
  ['spread', (value) => ({ ...value })],
  ['assigned', (value) => Object.assign({}, value)],
  ['a structured clone', (value) => structuredClone(value)],
  ['its own descriptors', (value) => inspect(Object.getOwnPropertyDescriptors(value), { showHidden: true })],
];

describe.each([
  ['of ours', ours],
  ['of the Withings client', withings],
])('a secret %s', (_, { secret }) => {
  test.each(PRINTED)('printed %s says that it is redacted', (__, print) => {
    // @ts-expect-error The compiler refuses it first, which this line asserts.
    const printed = print(secret(VALUE));
    expect(printed).toMatch(/\[redacted\]|%5Bredacted%5D/);
    expect(printed).not.toContain('5ec4e7');
  });

  test.each(COPIED)('has no property to be found in %s', (__, copy) => {
    expect(inspect(copy(secret(VALUE)), { showHidden: true })).not.toContain('5ec4e7');
  });

  test('is revealed by the one call, and cannot be replaced', () => {
    const value = secret(VALUE);
    expect(value.reveal()).toBe(VALUE);
    expect(() => Object.assign(value, { reveal: () => 'another' })).toThrow(TypeError);
  });
});

describe("the runtime's own console", () => {
  const lines: string[] = [];
  let worker: Miniflare;
  beforeAll(async () => {
    const script = `
      import * as ours from './src/domain/secret.ts';
      import * as withings from './src/withings/secret.ts';
      export default {
        fetch() {
          for (const { secret } of [ours, withings]) {
            const token = secret('${VALUE}');
            for (const level of ['debug', 'info', 'log', 'warn', 'error']) console[level]('%o', token, token, { deep: [token] }, \`\${token}\`);
          }
          console.log('planted', '${VALUE}');
          return new Response();
        },
      };`;
    const built = await build({
      stdin: { contents: script, resolveDir: process.cwd(), loader: 'ts' },
      bundle: true,
      format: 'esm',
      write: false,
    });
    const lastLine = new Promise<void>((resolve) => {
      const options = {
        modules: true as const,
        script: built.outputFiles[0]?.text ?? '',
        handleStructuredLogs: ({ message }: { message: string }) => {
          lines.push(message);
          if (message.startsWith('planted')) resolve();
        },
      };
      worker = new Miniflare(convertV4MiniflareOptions(options));
    });
    await worker.dispatchFetch('http://worker.test/');
    await lastLine;
  });
  afterAll(() => worker.dispose());

  test('says that a secret is redacted, and a planted value is found there', () => {
    const [planted, ...printed] = lines.toReversed();
    expect(planted).toContain('5ec4e7');
    expect(printed).toHaveLength(10);
    for (const line of printed) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain('5ec4e7');
    }
  });
});
