import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { formTokenOf, isFormTokenOf } from '../../src/broker/access/form-token.ts';
import { constantTimeEqual, hashCredential, mintCredential } from '../../src/crypto/credential.ts';
import { authPath, type Broker, consent, makeApp, openLink, startBroker, type TestApp } from '../support/broker.ts';

/**
 * That secrets are compared in a time that tells nothing. Time is not measured, which proves nothing on a busy machine;
 * what is looked at is the work: every comparison digests both sides and reads every byte of both digests, whatever
 * they are.
 */

/** What was digested, as text, and how many bytes of digests were read one by one. */
const digested: string[] = [];
let bytesRead = 0;

beforeAll(() => {
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (algorithm, data) => {
    digested.push(new TextDecoder().decode(data));
    return digest(algorithm, data);
  });
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const { entries } = Uint8Array.prototype;
  vi.spyOn(Uint8Array.prototype, 'entries').mockImplementation(function counted(this: Uint8Array) {
    // A generator has all that `for … of` asks of it.
    return (function* counting(all: Iterable<[number, number]>) {
      for (const entry of all) {
        bytesRead += 1;
        yield entry;
      }
    })(entries.call(this)) as Iterable<[number, number]> as ArrayIterator<[number, number]>;
  });
  return () => vi.restoreAllMocks();
});
beforeEach(() => {
  digested.length = 0;
  bytesRead = 0;
});

const DIGEST_BYTES = 32;

test.each([
  ['equal', 'a'.repeat(64)],
  ['different in the first character', `b${'a'.repeat(63)}`],
  ['different in the last character', `${'a'.repeat(63)}b`],
  ['shorter', 'a'],
  ['empty', ''],
])('comparing does the same work for what is %s', async (_, presented) => {
  const stored = 'a'.repeat(64);
  expect(await constantTimeEqual(stored, presented)).toBe(stored === presented);
  expect(digested).toEqual([stored, presented]);
  expect(bytesRead).toBe(DIGEST_BYTES);
});

describe('compared so', () => {
  let broker: Broker;
  let app: TestApp;

  beforeAll(async () => {
    broker = await startBroker();
    app = await makeApp(broker);
  });

  test.each(['right', 'wrong'])('is the operator’s token, %s', async (which) => {
    const wrong = await mintCredential('operator', (size) => new Uint8Array(size).fill(7));
    const token = which === 'right' ? broker.operatorToken : wrong;
    digested.length = 0;
    const answer = await broker.request('/apps', { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(which === 'right' ? 200 : 401);
    expect(digested).toContain(await hashCredential(token));
    expect(digested).toContain((await broker.deps()).settings.operatorTokenHash);
    expect(bytesRead).toBeGreaterThanOrEqual(DIGEST_BYTES);
  });

  test('is the token of a form', async () => {
    const [cookie, other] = ['c'.repeat(64), 'd'.repeat(64)];
    expect(await isFormTokenOf(cookie, await formTokenOf(cookie))).toBe(true);
    expect(await isFormTokenOf(cookie, other)).toBe(false);
    expect(digested).toContain(other);
    expect(bytesRead).toBe(2 * DIGEST_BYTES);
  });

  test('is the cookie that binds a link to its browser', async () => {
    const { authorizeUrl, cookies } = await openLink(broker, authPath(app, 'ada'));
    const url = await consent(broker, authorizeUrl, 'nora');
    const binding = /mushu_link=([0-9a-f]{32})/.exec(cookies)?.[1] ?? '';
    const bound = await hashCredential(binding);
    digested.length = 0;
    await broker.request(url, { headers: { Cookie: cookies } });
    // Once as it came, and its hash once on either side.
    expect(digested).toContain(binding);
    expect(digested.filter((text) => text === bound)).toHaveLength(2);
  });
});
