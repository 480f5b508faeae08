import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { causeOfStatus, openEnvelope } from '../../src/withings/envelope.ts';
import { fail } from '../../src/withings/outcome.ts';
import { answer, failure } from './answers.ts';

fc.configureGlobal({ seed: 20_261_101 });

const causeOf = (status: number, body?: unknown) => causeOfStatus({ status, body, error: '' });

describe('what is no envelope is a failure', () => {
  test.each([
    { name: 'nothing at all', text: '' },
    { name: 'a page for people', text: '<!DOCTYPE html><html><body>Maintenance</body></html>' },
    { name: 'JSON cut short', text: '{"status":0,"body":{"updatet' },
    { name: 'two documents', text: '{"status":0}{"status":0}' },
  ])('$name is not_json and in doubt', ({ text }) => {
    expect(openEnvelope({ httpStatus: 200, text })).toEqual({
      ok: false,
      failure: { kind: 'not_json', inDoubt: true },
    });
  });

  test.each([
    { name: 'null', json: null, path: '' },
    { name: 'a list', json: [], path: '' },
    { name: 'a string', json: '0', path: '' },
    { name: 'an empty object', json: {}, path: 'status' },
    {
      name: 'the error shape of the retired endpoint',
      json: { errors: [{ message: 'no' }] },
      path: 'status',
    },
    { name: 'a status in quotes', json: { status: '0', body: {} }, path: 'status' },
    { name: 'a status of true', json: { status: true, body: {} }, path: 'status' },
    { name: 'a status between integers', json: { status: 0.5, body: {} }, path: 'status' },
    { name: 'a null status', json: { status: null, body: {} }, path: 'status' },
  ])('$name is malformed and in doubt', ({ json, path }) => {
    expect(openEnvelope(answer(json))).toEqual({
      ok: false,
      failure: { kind: 'malformed', path, inDoubt: true },
    });
  });

  test.each([
    { httpStatus: 204, inDoubt: true },
    { httpStatus: 302, inDoubt: true },
    { httpStatus: 400, inDoubt: false },
    { httpStatus: 404, inDoubt: false },
    { httpStatus: 499, inDoubt: false },
    { httpStatus: 500, inDoubt: true },
    { httpStatus: 503, inDoubt: true },
  ])('HTTP $httpStatus is http_error whatever the body says, in doubt: $inDoubt', ({ httpStatus, inDoubt }) => {
    expect(openEnvelope({ httpStatus, text: '{"status":0,"body":{}}' })).toEqual({
      ok: false,
      failure: { kind: 'http_error', httpStatus, inDoubt },
    });
  });

  test.each([401, 403])('HTTP %i is a refusal of the token', (httpStatus) => {
    expect(openEnvelope({ httpStatus, text: '' })).toEqual({
      ok: false,
      failure: { kind: 'unauthorized', status: httpStatus, inDoubt: false },
    });
  });

  test('HTTP 429 is throttled', () => {
    expect(openEnvelope({ httpStatus: 429, text: '' })).toEqual({
      ok: false,
      failure: { kind: 'throttled', retryAfterSeconds: 10, inDoubt: false },
    });
  });

  test('any text at all is judged without throwing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer(), (text, httpStatus) => {
        expect(openEnvelope({ httpStatus, text })).toHaveProperty('ok');
        expect(openEnvelope({ httpStatus: 200, text })).toHaveProperty('ok');
      }),
    );
  });

  test('nesting without end is not_json instead of a crash', () => {
    const depth = 100_000;
    expect(openEnvelope({ httpStatus: 200, text: '['.repeat(depth) })).toMatchObject({ ok: false });
    expect(openEnvelope({ httpStatus: 200, text: '['.repeat(depth) + ']'.repeat(depth) })).toMatchObject({
      ok: false,
    });
  });
});

test.each([
  { name: 'an empty object', body: {} },
  { name: 'an empty list', body: [] },
  { name: 'null', body: null },
  { name: 'absent', body: undefined },
])('an error whose body is $name is opened', ({ body }) => {
  expect(openEnvelope(failure(401, 'invalid_token', body))).toMatchObject({
    ok: true,
    value: { status: 401 },
  });
});

test.each([
  { name: 'absent', error: undefined },
  { name: 'null', error: null },
  { name: 'an object', error: { message: 'no' } },
])('an error text that is $name is empty', ({ error }) => {
  expect(openEnvelope(answer({ status: 503, body: {}, error }))).toMatchObject({ value: { error: '' } });
});

describe('status families', () => {
  test.each([100, 101, 102, 200, 401])('%i is unauthorized', (status) => {
    expect(causeOf(status)).toEqual({ kind: 'unauthorized', status });
  });

  test.each([201, 213, 221, 247, 252, 283, 293, 304, 323, 342, 353, 380, 400, 501, 503, 511, 523, 532, 3017])(
    '%i is invalid_params',
    (status) => {
      expect(causeOf(status)).toEqual({ kind: 'invalid_params', status });
    },
  );

  test.each([
    -1, 1, 99, 103, 214, 215, 219, 222, 224, 226, 231, 239, 253, 255, 268, 277, 289, 305, 320, 322, 354, 370, 402, 500,
    512, 516, 522, 524, 525, 602, 700, 1051, 2551, 2553, 2555, 2556, 3000, 3016, 3020, 5000, 6000, 9000, 10000, 123_456,
  ])('%i is upstream_error', (status) => {
    expect(causeOf(status)).toEqual({ kind: 'upstream_error', status });
  });

  test('403, recorded but in no list, is insufficient_scope', () => {
    expect(causeOf(403)).toEqual({ kind: 'insufficient_scope' });
  });

  test('2554 is not_implemented', () => {
    expect(causeOf(2554)).toEqual({ kind: 'not_implemented' });
  });

  test.each([
    { name: 'an empty object', body: {}, retryAfterSeconds: 10 },
    { name: 'an empty list', body: [], retryAfterSeconds: 10 },
    { name: 'null', body: null, retryAfterSeconds: 10 },
    { name: 'absent', body: undefined, retryAfterSeconds: 10 },
    { name: 'a recorded wait', body: { wait_seconds: 188 }, retryAfterSeconds: 188 },
    { name: 'a wait in quotes', body: { wait_seconds: '188' }, retryAfterSeconds: 188 },
    { name: 'a wait shorter than the window', body: { wait_seconds: 3 }, retryAfterSeconds: 10 },
    { name: 'a wait below zero', body: { wait_seconds: -5 }, retryAfterSeconds: 10 },
    { name: 'a wait that is no number', body: { wait_seconds: 'soon' }, retryAfterSeconds: 10 },
    { name: 'a wait of ages', body: { wait_seconds: 9_007_199_254_740_991 }, retryAfterSeconds: 3600 },
  ])('601 with a body that is $name waits $retryAfterSeconds s', ({ body, retryAfterSeconds }) => {
    expect(causeOf(601, body)).toEqual({ kind: 'throttled', retryAfterSeconds });
  });

  test('only what Withings refuses in so many words is not in doubt', () => {
    const inDoubt = [401, 403, 503, 601, 2554, 522, 2555, 9999].map(
      (status) => [status, fail(causeOf(status)).failure.inDoubt] as const,
    );
    expect(inDoubt).toEqual([
      [401, false],
      [403, false],
      [503, false],
      [601, false],
      [2554, false],
      [522, true],
      [2555, true],
      [9999, true],
    ]);
  });
});
