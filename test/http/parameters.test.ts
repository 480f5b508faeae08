import { beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { changingNothing, readProblem } from '../support/problem.ts';

/** Parameters of a query, and fields of a body, that no route has. */

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
});

type Operation = (typeof OPERATIONS)[number];
const guarded = OPERATIONS.filter(({ auth }) => auth.kind !== 'none');
const named = (operations: readonly Operation[]) => operations.map((operation) => [operation.id, operation] as const);

const refusalOf = async ({ method, path, query, body }: Operation, search: string, extra: object = {}) => {
  const asked = path
    .replace('{app_id}', app.id)
    .replace('{user_id}', 'ada')
    .replaceAll(/\{\w+\}/g, 'x');
  const needed = query !== undefined && 'uri' in query.shape ? '&uri=a:b' : '';
  const sent = body === undefined ? undefined : { ...(body.example as object), ...extra };
  return readProblem(
    await changingNothing(() => broker.manage(method.toUpperCase(), `${asked}?${search}${needed}`, sent)),
  );
};

test.each(named(guarded))('%s refuses a parameter that it does not know', async (_, operation) => {
  const { status, code, detail } = await refusalOf(operation, 'no_such_name=x');
  expect([status, code]).toEqual([400, 'invalid_parameter']);
  expect(detail).toMatch(
    operation.query === undefined
      ? /^query: This route takes no parameters/
      : /^no_such_name: There is no such name\. (The names are [a-z_, ]+\.|Did you mean `)/,
  );
});

test.each(named(guarded.filter(({ body }) => body !== undefined)))(
  '%s refuses a field that it does not know',
  async (_, operation) => {
    const { status, code, detail } = await refusalOf(operation, '', { no_such_name: 'x' });
    expect([status, code]).toEqual([400, 'invalid_parameter']);
    expect(detail).toMatch(/^no_such_name: There is no such name\. (The names are [a-z_, ]+\.|Did you mean `)/);
  },
);

describe('a mistyped name', () => {
  const operation = OPERATIONS.find(({ id }) => id === 'listMetrics');
  test.each([
    ['limt', 'limit'],
    ['Metric', 'metric'],
    ['metrics', 'metric'],
    ['unit', 'units'],
    ['exlcude', 'exclude'],
    ['fom', 'from'],
  ])('%s is answered with %s', async (typed, meant) => {
    if (operation === undefined) throw new Error('no such operation');
    expect((await refusalOf(operation, `${typed}=x`)).detail).toContain(`Did you mean \`${meant}\`?`);
  });

  test.each(['x'.repeat(5_000), '%3Cscript%3E', 'a%0D%0Ab'])('of a stranger is not repeated: %s', async (typed) => {
    if (operation === undefined) throw new Error('no such operation');
    const { detail } = await refusalOf(operation, `${typed}=x`);
    expect(detail).toMatch(/^query: There is no such name\. /);
    expect(detail.length).toBeLessThan(300);
  });
});

test('a callback and a link take what Withings and apps add to them', async () => {
  const path = `/apps/${app.id}/withings/auth?user_id=ada&redirect_uri=${encodeURIComponent('womoji://withings/success')}`;
  expect((await broker.request(`${path}&utm_source=mail`)).status).toBe(302);
  const { code } = await readProblem(await broker.request('/withings/callback?state=x&code=y&locale=de'));
  expect(code).toBe('invalid_state');
});
