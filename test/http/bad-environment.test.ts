import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, expect, test, vi } from 'vitest';

import type { Bindings } from '../../src/config.ts';
import { HEADERS } from '../../src/http/security-headers.ts';
import worker from '../../src/worker.ts';
import { faultOf } from '../support/reference-check.ts';

/** A Worker that was deployed without its secrets, or with one that is none. */

const context = createExecutionContext();
const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
afterAll(() => logged.mockRestore());
const bindings = { DB: env.DB, LINKS: env.LINKS, KEYRING: 'a-malformed-keyring' } satisfies Bindings;

test.each([
  ['GET', '/healthz'],
  ['GET', '/apps'],
  ['GET', '/apps/a/withings/status/ada'],
  ['GET', '/withings/notify/x'],
  ['POST', '/withings/notify/x'],
])('%s %s says that, and not what is wrong', async (method, path) => {
  const request = new Request(`https://broker.example.com${path}`, { method });
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], bindings, context);
  expect(await faultOf(request, response)).toBeUndefined();
  for (const [name, value] of Object.entries(HEADERS)) expect(response.headers.get(name), name).toBe(value);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ status: 500, code: 'bad_environment' });
  expect(text).not.toMatch(/KEYRING|OPERATOR|WITHINGS|a-malformed/);
  const line = JSON.parse(String(logged.mock.lastCall?.[0])) as { requestId: string };
  expect(line).toMatchObject({
    event: 'alarm',
    outcome: 'bad_environment',
    reason: expect.stringContaining('OPERATOR_TOKEN'),
  });
  expect(line.requestId).toBe(response.headers.get('X-Request-Id'));
  expect(JSON.stringify(line)).not.toContain('a-malformed');
});

test('a tick of the clock fails, where the platform counts it', async () => {
  await expect(worker.scheduled({} as ScheduledController, bindings, context)).rejects.toThrow('Broker misconfigured');
});

test.each([
  'http://hooks.example.com/x',
  'http://10.0.0.1/',
  'http://localhost.example.com/',
  'ftp://127.0.0.1/',
  'hooks.example.com/x',
])('an address for alarms is https, or a machine of one’s own: %s is neither', async (url) => {
  const request = new Request('https://broker.example.com/healthz');
  const asked = request as Parameters<typeof worker.fetch>[0];
  const response = await worker.fetch(asked, { ...bindings, ALERT_WEBHOOK_URL: url }, context);
  expect(response.status).toBe(500);
  expect(String(logged.mock.lastCall?.[0])).toContain('ALERT_WEBHOOK_URL');
  expect(String(logged.mock.lastCall?.[0])).not.toContain(url);
});

test.each(['withings.example.com:8443', 'ftp://withings.example.com', '//withings.example.com'])(
  'the public URL %s is not one of http, and named',
  async (url) => {
    const asked = new Request('https://broker.example.com/healthz') as Parameters<typeof worker.fetch>[0];
    expect((await worker.fetch(asked, { ...bindings, PUBLIC_URL: url }, context)).status).toBe(500);
    expect(String(logged.mock.lastCall?.[0])).toContain('PUBLIC_URL');
  },
);
