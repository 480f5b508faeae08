import type { ServerResponse } from 'node:http';

import { beforeEach, expect, inject, test } from 'vitest';
import type * as z from 'zod';

import type { operatorStatus } from '../../src/http/api/contract-operator.ts';
import { listen, type Mushu, newMushu } from './mushu.ts';

/** `mushu doctor` as a process: a line for each thing, what to do where it is wrong, and the exit code. */

const { ready } = inject('dev');
let mushu: Mushu;

beforeEach(() => {
  mushu = newMushu();
});

type Status = z.input<typeof operatorStatus>;

const WELL: Status = {
  now: '2026-06-15T12:00:00.000Z',
  cron: { state: 'keeping_up', refreshes_due: 0, refreshes_in_doubt: 0, syncs_to_resume: 0, oldest_due_at: null },
  failing: [],
  lost: [],
  alarms: [],
  keyring: { current_key_id: 'k2', missing_key_ids: [], settled: true },
  withings: 'accepted',
  migrations: { wanted: '0009_last.sql', applied: '0009_last.sql' },
};

type Fault = { status?: Partial<Status>; headers?: Record<string, string>; callback?: number; token?: false };

/** A broker's answers to what the doctor asks, with one thing wrong. */
const ailing = ({ status = {}, headers = {}, callback = 200, token }: Fault): Promise<string> => {
  const problem = {
    type: 'about:blank',
    title: 'Access token not valid',
    status: 401,
    detail: 'The token is mistyped, expired or revoked.',
    code: 'invalid_access_token',
    request_id: 'request-7',
  };
  const answers: Record<string, [number, object | undefined]> = {
    '/healthz': [
      200,
      { ok: true, checks: { database: 'ok', migrations: 'ok', links: 'ok', keyring: 'unknown', cron: 'unknown' } },
    ],
    '/withings/callback': [callback, undefined],
    '/whoami': token === false ? [401, problem] : [200, { role: 'operator', account: null, token: null }],
    '/operator/status': [200, { ...WELL, ...status }],
  };
  return listen((request, response: ServerResponse) => {
    const [code, body] = answers[request.url ?? ''] ?? [404, undefined];
    response.writeHead(code, { 'Content-Type': 'application/json', ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
};

test('at the development broker every line is good, and the exit code 0', async () => {
  const { code, out, err } = await mushu.run(['doctor', '--url', ready.url, '--token', ready.admin_token]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).not.toContain('bad');
  const checks = out
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/)[1]);
  expect(checks).toEqual([
    'broker',
    'links',
    'callback',
    'token',
    'clock',
    'cron',
    'withings',
    'keyring',
    'migrations',
  ]);
});

const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();

test.each<{ name: string; fault: Fault; line: RegExp; todo: string }>([
  {
    name: 'a clock that is off',
    fault: { headers: { Date: hourAgo } },
    line: /^bad clock +36\d\d s apart$/,
    todo: 'Set the clock of this machine.',
  },
  {
    name: 'a callback that Withings cannot reach',
    fault: { callback: 404 },
    line: /^bad callback +http:\S+\/withings\/callback answers 404$/,
    todo: 'Withings probes it with HEAD and wants 200.',
  },
  {
    name: 'a token that is over',
    fault: { token: false },
    line: /^bad token +Access token not valid: .*code invalid_access_token, request request-7/,
    todo: 'Run `mushu login`',
  },
  {
    name: 'a late cron',
    fault: { status: { cron: { ...WELL.cron, state: 'late', refreshes_due: 12 } } },
    line: /^bad cron +late, 12 due$/,
    todo: 'see that the cron trigger is deployed',
  },
  {
    name: 'rejected credentials',
    fault: { status: { withings: 'rejected' } },
    line: /^bad withings +rejected$/,
    todo: 'set WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET again',
  },
  {
    name: 'a missing key',
    fault: { status: { keyring: { ...WELL.keyring, missing_key_ids: ['k1'] } } },
    line: /^bad keyring +lacks k1$/,
    todo: 'Put the missing keys back into KEYRING.',
  },
  {
    name: 'a missing migration',
    fault: { status: { migrations: { wanted: '0009_last.sql', applied: '0008_before.sql' } } },
    line: /^bad migrations +0008_before.sql, wanted 0009_last.sql$/,
    todo: 'Run `npm run deploy`',
  },
])('$name: its own line, what to do, and exit code 1', async ({ fault, line, todo }) => {
  const url = await ailing(fault);
  const { code, out, err } = await mushu.run(['doctor', '--url', url, '--token', 't']);
  const lines = out.trim().split('\n');
  const bad = lines.findIndex((text) => text.startsWith('bad'));
  expect(lines[bad]).toMatch(line);
  expect(lines[bad + 1]).toContain(`    → `);
  expect(lines[bad + 1]).toContain(todo);
  expect(lines.filter((text) => text.startsWith('bad'))).toHaveLength(1);
  expect({ code, err }).toEqual({ code: 1, err: '' });
});

test.each([
  { name: 'no network', url: async () => 'http://127.0.0.1:9', found: 'No broker can be reached' },
  {
    name: 'another site at the URL',
    url: () => listen((_request, response) => response.end('<h1>Hello</h1>')),
    found: 'of a Mushu Health broker, and of a version that fits',
  },
])('$name: one line, and nothing is asked further', async ({ url, found }) => {
  const { code, out } = await mushu.run(['doctor', '--url', await url(), '--token', 't', '--json']);
  expect(JSON.parse(out)).toEqual([
    {
      check: 'broker',
      ok: false,
      found: expect.stringContaining(found),
      todo: expect.stringContaining('Check the URL'),
    },
  ]);
  expect(code).toBe(1);
});

test('who is not signed in is told so', async () => {
  const { code, out, err } = await mushu.run(['doctor']);
  expect({ code, out }).toEqual({ code: 3, out: '' });
  expect(err).toContain('mushu login');
});
