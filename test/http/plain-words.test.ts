import { beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { plainIssue } from '../../src/http/plain-issue.ts';
import { type Broker, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { changingNothing, readProblem } from '../support/problem.ts';

/** What is wrong with a body or a query is said in sentences, on every route that takes one. */

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
});

type Operation = (typeof OPERATIONS)[number];
const guarded = OPERATIONS.filter(({ auth }) => auth.kind !== 'none');
const withBody = guarded
  .filter(({ body }) => body !== undefined)
  .map((operation) => [operation.id, operation] as const);

const send = async ({ method, path }: Operation, text: string, type: string | undefined) => {
  const asked = path.replace('{app_id}', app.id).replaceAll(/\{\w+\}/g, 'x');
  return readProblem(
    await broker.request(asked, {
      method: method.toUpperCase(),
      headers: { Authorization: `Bearer ${broker.operatorToken}`, ...(type !== undefined && { 'Content-Type': type }) },
      // Bytes get no type of their own.
      body: new TextEncoder().encode(text),
    }),
  );
};

describe('a body that was not sent as JSON', () => {
  test.each(withBody)('is refused by %s with the header that is missing', async (_, operation) => {
    const whole = JSON.stringify(operation.body?.example);
    await changingNothing(async () => {
      for (const type of [undefined, 'application/x-www-form-urlencoded', 'text/plain', 'application/jsonx']) {
        for (const text of [whole, '{}']) {
          const { status, code, detail } = await send(operation, text, type);
          expect([type, status, code]).toEqual([type, 400, 'invalid_body']);
          expect(detail).toContain('`Content-Type: application/json`');
        }
      }
    });
  });

  test('may be missing where nothing has to be in it', async () => {
    const patched = await broker.request(`/apps/${app.id}`, {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${broker.operatorToken}` },
    });
    expect(patched.status).toBe(200);
  });

  test.each(['application/json', 'Application/JSON; charset=utf-8', 'application/json;charset=utf-8'])(
    'is not one that says %s',
    async (type) => {
      const patched = await broker.request(`/apps/${app.id}`, {
        method: 'PATCH',
        headers: { Authorization: `Bearer ${broker.operatorToken}`, 'Content-Type': type },
        body: '{"name": "Womoji"}',
      });
      expect([patched.status, (await patched.json<{ name: string }>()).name]).toEqual([200, 'Womoji']);
    },
  );
});

describe('a wrong value', () => {
  const texts = ['', 'x', '-1', '1.5', '1e30', 'x'.repeat(2_500)];
  const json = [...texts, undefined, null, -1, 1.5, 1e30, true, [], [{}], Array.from({ length: 300 }, () => 'x'), {}];
  const jargon = /invalid|expected|received|too (?:big|small)|undefined|NaN|pattern/i;

  const taking = guarded.filter(({ body, query }) => body !== undefined || query !== undefined);
  test.each(taking.map((operation) => [operation.id, operation] as const))(
    'of each name that %s takes is described in a sentence',
    (_, { body, query }) => {
      const wrong = [
        ...Object.keys(body?.example ?? {}).flatMap((name) => json.map((value) => [body, name, value] as const)),
        ...Object.keys(query?.shape ?? {}).flatMap((name) => texts.map((value) => [undefined, name, value] as const)),
      ];
      for (const [of, name, value] of wrong) {
        const parsed = (of?.schema ?? query)?.safeParse(
          { ...(of?.example as object | undefined), [name]: value },
          { error: plainIssue },
        );
        for (const { message } of parsed?.error?.issues ?? []) {
          expect(message, `${name}=${JSON.stringify(value)}`).toMatch(/^[A-Z].*\.$/);
          expect(message, `${name}=${JSON.stringify(value)}`).not.toMatch(jargon);
        }
      }
    },
  );

  const detailOf = async (path: string, body?: object) =>
    (await readProblem(await broker.manage(body === undefined ? 'GET' : 'POST', path, body))).detail;

  test('is answered with what fits', async () => {
    const metrics = `/apps/${app.id}/metrics/ada`;
    expect(await detailOf('/apps', {})).toBe('name: It is missing.');
    expect(await detailOf('/apps', { name: 7 })).toBe('name: It is text.');
    expect(await detailOf('/apps', { name: ' ' })).toBe('name: It has at least 1 character.');
    expect(await detailOf('/apps', [])).toBe('body: It is an object.');
    expect(await detailOf(`${metrics}?limit=1001`)).toBe('limit: It is at most 1000.');
    expect(await detailOf(`${metrics}?limit=x`)).toBe('limit: It is a number.');
    expect(await detailOf(`${metrics}?limit=1&limit=2`)).toBe('limit: It is given more than once.');
    expect(await detailOf(`${metrics}?format=xml`)).toBe('format: It is one of `json`, `csv`, `fhir`.');
    expect(await detailOf(`${metrics}?exclude=x`)).toBe('exclude: It is one or more of `manual`.');
  });

  test('is not taken for a name of which it has nothing', async () => {
    for (const name of ['tz', 'ot', 'xx', 'timezone']) {
      expect(await detailOf(`/apps/${app.id}/metrics/ada/daily?${name}=x`)).toMatch(
        /There is no such name\. The names are /,
      );
    }
  });
});
