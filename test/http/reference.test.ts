import { expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { makeApp, startBroker } from '../support/broker.ts';
import { faultOf } from '../support/reference-check.ts';
import { ROUTES } from '../support/routes.ts';

/** Routes that are for people. */
const FOR_PEOPLE = /^\/dashboard(?:\/|$)/;

const routes = ROUTES.filter(({ method, path }) => method !== 'ALL' && !FOR_PEOPLE.test(path)).map(
  ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
);

test('every route of the API is an operation of the reference, and every operation a route', () => {
  const operations = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect([...new Set(routes)].sort()).toEqual(operations.sort());
});

test('every operation has an id of its own and an example for every answer', () => {
  const ids = OPERATIONS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, answers, body } of OPERATIONS) {
    for (const { schema, example } of [...answers.flatMap(({ contents = [] }) => contents), ...(body ? [body] : [])]) {
      expect(example, id).toBeDefined();
      expect(schema?.safeParse(example).error, id).toBeUndefined();
    }
  }
});

test('an answer that the reference lacks is found: its path, its status, its type, its field', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  const asked = (path: string) => new Request(`https://broker.example.com${path}`);
  const status = asked(`/apps/${app.id}/withings/status/ada`);
  expect(await faultOf(status, Response.json({ connected: true }))).toBeUndefined();
  expect(await faultOf(status, Response.json({ connected: true, since: 1 }))).toMatch(/since/);
  expect(await faultOf(status, Response.json({ connected: 'yes' }))).toMatch(/connected/);
  expect(await faultOf(status, Response.json({}))).toMatch(/connected/);
  expect(await faultOf(status, new Response('true'))).toMatch(/text\/plain/);
  expect(await faultOf(status, new Response(null))).toMatch(/no body/);
  expect(await faultOf(status, Response.json({ connected: true }, { status: 203 }))).toMatch(/does not say/);
  expect(await faultOf(asked('/apps/x/secret'), Response.json({}))).toMatch(/no such operation/);
  const problem = { type: 'urn:x', title: 'x', status: 404, detail: 'x', code: 'no_such_code', request_id: 'x' };
  const headers = { 'Content-Type': 'application/problem+json' };
  expect(await faultOf(status, Response.json(problem, { status: 404, headers }))).toMatch(/code/);
});
