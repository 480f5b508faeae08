import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { beforeEach, expect, test } from 'vitest';
import type * as z from 'zod';

import type { operatorStatus } from '../../src/http/api/operator/contract.ts';
import { listen, type Mushu, newMushu, nowhere } from './mushu.ts';
import { ready } from './shared.ts';

/** `mushu doctor` as a process: a line for each thing, what to do where it is wrong, and the exit code. */

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
  /** Answers something to these requests before the broker does. */
  before?: (method: string, path: string) => [status: number, headers: OutgoingHttpHeaders] | undefined;
};

/** `mushu doctor`'s requests from outside, by the name of their check. */
const WAYS_IN = {
  callback: 'HEAD /withings/callback',
  notify: 'HEAD /withings/notify/doctor',
  phone: 'POST /apps/doctor/withings/sync/doctor',
};

/** A broker's answers to what the doctor asks, with these things wrong. */
const ailing = ({ status = {}, headers = {}, callback = 200, links, token, before }: Faults): Promise<string> => {
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
    '/withings/notify/doctor': [200, undefined],
    '/apps/doctor/withings/sync/doctor': [401, problem],
    '/whoami': token === false ? [401, problem] : [200, { role: 'operator', account: null, token: null }],
    '/operator/status': [200, { ...WELL, ...status }],
  };
  return listen((request, response: ServerResponse) => {
    const { method = '', url = '' } = request;
    const [status, others] = before?.(method, url) ?? [];
    if (status !== undefined) return void response.writeHead(status, others).end('<!DOCTYPE html><title>Just a moment');
    const [code, body] = answers[url] ?? [404, undefined];
    response.writeHead(code, { 'Content-Type': 'application/json', 'X-Request-Id': 'request-7', ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
};

test('at the development broker every line is good, and the exit code 0', async () => {
  const { code, out, err } = await mushu.run(['doctor', '--url', ready.url, '--token', ready.admin_token]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).not.toContain('bad');
  expect(out.trim().split('\n')).toHaveLength(11);
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
ok  notify     URL/withings/notify/doctor
ok  phone      URL/apps/doctor/withings/sync/doctor
bad clock      3600 s apart
    → Correct the clock of this machine.
ok  token      operator
bad cron       late, 12 due, last tick noted 2026-06-15T10:00:00.000Z (noted at most every 60 minutes)
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

const HTML = { 'Content-Type': 'text/html; charset=UTF-8' };

test.each([
  {
    name: 'a challenge with 403',
    answer: [403, { ...HTML, 'cf-mitigated': 'challenge' }] as const,
    found: '403, a challenge of Cloudflare',
    todo: 'Turn off Bot Fight Mode',
  },
  {
    name: 'a block',
    answer: [403, HTML] as const,
    found: "403, an HTML page that is not the broker's",
    todo: 'Error 1010 or 1020 is a block',
  },
  {
    name: 'a page with 200',
    answer: [200, HTML] as const,
    found: "200, an HTML page that is not the broker's",
    todo: 'does not lead to the Worker',
  },
  {
    name: 'a redirect',
    answer: [301, { Location: 'https://www.example.com/' }] as const,
    found: '301, a redirect to https://www.example.com/',
    todo: 'Withings and apps do not follow it.',
  },
])(
  '$name in place of one way in is named with its remedy, and the others are good',
  async ({ answer, found, todo }) => {
    for (const [check, way] of Object.entries(WAYS_IN)) {
      const url = await ailing({ before: (method, path) => (`${method} ${path}` === way ? [...answer] : undefined) });
      const { code, out } = await mushu.run(['doctor', '--url', url, '--token', 't', '--json']);
      const bad = (JSON.parse(out) as { check: string; ok: boolean }[]).filter(({ ok }) => !ok);
      expect([code, bad]).toEqual([
        1,
        [
          {
            check,
            ok: false,
            found: `${url}${way.split(' ')[1]} answers ${found}`,
            todo: expect.stringContaining(todo),
          },
        ],
      ]);
    }
  },
);

test('where everything is challenged, the doctor’s own question too, the challenge is the cause', async () => {
  const url = await ailing({ before: () => [503, { ...HTML, 'cf-mitigated': 'challenge' }] });
  const { code, out } = await mushu.runApart(['doctor', '--url', url, '--token', 't', '--json']);
  expect([code, JSON.parse(out)]).toEqual([
    1,
    [
      {
        check: 'broker',
        ok: false,
        found: '503, a challenge of Cloudflare',
        todo: expect.stringContaining('Turn off Bot Fight Mode'),
      },
    ],
  ]);
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
