import type { ServerResponse } from 'node:http';

import { beforeEach, expect, inject, test } from 'vitest';
import type * as z from 'zod';

import type { operatorStatus } from '../../src/http/api/operator/contract.ts';
import { listen, type Mushu, newMushu, nowhere } from './mushu.ts';

/** `mushu doctor` as a process: a line for each thing, what to do where it is wrong, and the exit code. */

const { ready } = inject('dev');
let mushu: Mushu;

beforeEach(() => {
  mushu = newMushu();
});

type Status = z.input<typeof operatorStatus>;

const WELL: Status = {
  now: '2026-06-15T12:00:00.000Z',
  cron: {
    state: 'keeping_up',
    last_tick_noted_at: null,
    refreshes_due: 0,
    refreshes_in_doubt: 0,
    syncs_to_resume: 0,
    oldest_due_at: null,
  },
  failing: [],
  lost: [],
  alarms: [],
  keyring: { current_key_id: 'k2', missing_key_ids: [], settled: true },
  withings: 'accepted',
  migrations: { wanted: '0009_last.sql', applied: '0009_last.sql' },
};

type Faults = {
  status?: Partial<Status>;
  headers?: Record<string, string>;
  callback?: number;
  links?: 'failing';
  token?: false;
};

/** A broker's answers to what the doctor asks, with these things wrong. */
const ailing = ({ status = {}, headers = {}, callback = 200, links, token }: Faults): Promise<string> => {
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
      {
        ok: true,
        checks: { database: 'ok', migrations: 'ok', links: links ?? 'ok', keyring: 'unknown', cron: 'unknown' },
      },
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

test('each thing that is wrong has its own line and what to do about it, and the exit code is 1', async () => {
  const url = await ailing({
    headers: { Date: new Date(Date.now() - 3_600_000).toUTCString() },
    callback: 404,
    links: 'failing',
    status: {
      cron: { ...WELL.cron, state: 'late', refreshes_due: 12, last_tick_noted_at: '2026-06-15T10:00:00.000Z' },
      withings: 'rejected',
      keyring: { ...WELL.keyring, missing_key_ids: ['k1'] },
      migrations: { wanted: '0009_last.sql', applied: '0008_before.sql' },
      alarms: [{ code: 'reauth_spike', since: '2026-06-15T11:00:00.000Z', reason: '12 within an hour' }],
    },
  });
  const { code, out, err } = await mushu.run(['doctor', '--url', url, '--token', 't']);
  expect({ code, err }).toEqual({ code: 1, err: '' });
  expect(out.replaceAll(url, 'URL').replace(/\d{4} s apart/, '3600 s apart')).toBe(`ok  broker     URL
bad links      failing
    → KV cannot be read: check the LINKS binding and the status of Cloudflare.
bad callback   URL/withings/callback answers 404
    → Withings probes it with HEAD and expects 200. Route it to the Worker.
bad clock      3600 s apart
    → Correct the clock of this machine.
ok  token      operator
bad cron       late, 12 due, last tick noted 2026-06-15T10:00:00.000Z
    → Refreshes wait longer than ten minutes, or no tick came for an hour: check that the cron trigger is deployed, and read the log of its ticks.
bad withings   rejected
    → Withings refuses the client id and secret: set WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET again.
bad keyring    lacks k1
    → Put the missing keys back into KEYRING. Their connections pause; nothing is lost.
bad migrations 0008_before.sql, needs 0009_last.sql
    → Run \`npm run deploy\`: it applies them before the new code runs.
bad alarm      reauth_spike since 2026-06-15T11:00:00.000Z, 12 within an hour
    → docs/operating.md says what to do about it.
`);
});

test('one thing wrong is enough for the exit code, and where the token is, nothing is asked further', async () => {
  const url = await ailing({ token: false });
  const { code, out } = await mushu.run(['doctor', '--url', url, '--token', 't']);
  expect(code).toBe(1);
  expect(out).toMatch(/^bad token +Access token not valid: .*code invalid_access_token, request request-7/m);
  expect(out.endsWith('    → Run `mushu login` with a token that is valid.\n')).toBe(true);
  expect(out.match(/^bad/gm)).toHaveLength(1);
});

test.each([
  { name: 'no network', url: nowhere, found: '(ECONNREFUSED)' },
  {
    name: 'another site at the URL',
    url: () => listen((_request, response) => response.end('<h1>Hello</h1>')),
    found: 'Is it a Mushu Health broker of the same version',
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
