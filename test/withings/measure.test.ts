import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { processMeasureResponse } from '../../src/withings/measure.ts';
import { failure, group, measure, page, success, without } from './answers.ts';

const groupsOf = (...measuregrps: unknown[]) => processMeasureResponse(success({ ...page, measuregrps }));

describe('a broken envelope is a failure, never an empty page', () => {
  test.each([
    { name: 'an empty body', body: {}, path: 'body.measuregrps' },
    { name: 'a list for a body', body: [group], path: 'body' },
    { name: 'a text for a body', body: 'none', path: 'body' },
    { name: 'no groups member', body: without(page, 'measuregrps'), path: 'body.measuregrps' },
    { name: 'null groups', body: { ...page, measuregrps: null }, path: 'body.measuregrps' },
    { name: 'an object of groups', body: { ...page, measuregrps: { 0: group } }, path: 'body.measuregrps' },
    { name: 'more that is text', body: { ...page, more: 'perhaps' }, path: 'body.more' },
    { name: 'more that is an object', body: { ...page, more: {} }, path: 'body.more' },
  ])('$name is malformed at $path', ({ body, path }) => {
    expect(processMeasureResponse(success(body))).toEqual({
      ok: false,
      failure: { kind: 'malformed', path, inDoubt: true },
    });
  });

  test.each([{ body: [] }, { body: null }])('except $body, which an account without measurements has', ({ body }) => {
    expect(processMeasureResponse(success(body))).toMatchObject({ ok: true, value: { groups: [], skipped: 0 } });
  });

  test('a page cut short anywhere is a failure', () => {
    const whole = success(page).text;
    const cuts = Array.from({ length: whole.length }, (_, end) =>
      processMeasureResponse({ httpStatus: 200, text: whole.slice(0, end) }),
    );
    expect(cuts.filter((outcome) => outcome.ok || outcome.failure.kind !== 'not_json')).toEqual([]);
  });

  test('an error text is not consulted: a token is not rejected by a data call', () => {
    expect(processMeasureResponse(failure(503, 'Invalid Params: invalid refresh_token'))).toMatchObject({
      failure: { kind: 'invalid_params', status: 503 },
    });
  });

  test('an access token that expired is unauthorized inside HTTP 200', () => {
    const text = 'XRequestID: Not provided invalid_token: The access token provided is invalid';
    expect(processMeasureResponse(failure(401, text))).toEqual({
      ok: false,
      failure: { kind: 'unauthorized', status: 401, inDoubt: false },
    });
  });
});

describe('a broken group or measure is skipped and counted, and the others stay', () => {
  test.each([
    { name: 'null', broken: null },
    { name: 'a list', broken: [] },
    { name: 'a number', broken: 5 },
    { name: 'an empty object', broken: {} },
    { name: 'a group without an id', broken: without(group, 'grpid') },
    { name: 'a group with text for an id', broken: { ...group, grpid: '6712345678' } },
    { name: 'a group with an inexact id', broken: { ...group, grpid: 2 ** 60 } },
    { name: 'a group without a date', broken: without(group, 'date') },
    { name: 'a group past every calendar', broken: { ...group, date: 1e15 } },
    { name: 'a group without an attribution', broken: without(group, 'attrib') },
    { name: 'a group without a category', broken: without(group, 'category') },
    { name: 'a group without measures', broken: without(group, 'measures') },
    { name: 'a group with an object of measures', broken: { ...group, measures: { 0: measure } } },
  ])('$name', ({ broken }) => {
    const outcome = groupsOf(broken, { ...group, grpid: 7 });
    expect(outcome).toMatchObject({ ok: true, value: { groups: [{ groupId: 7 }], skipped: 1 } });
    const id = (broken as { grpid?: unknown } | null)?.grpid;
    // An id tells which group it is, so that it is not taken for a deleted one.
    const named = id === group.grpid ? { unreadableIds: [id], nameless: 0 } : { unreadableIds: [], nameless: 1 };
    expect(outcome).toMatchObject({ value: named });
  });

  test('a group that lacks its storing time, or was measured before 1970, is read: its date stands in', () => {
    const old = { ...group, date: -150_000_000 };
    expect(
      groupsOf(without(without(group, 'created'), 'modified'), without(without(old, 'created'), 'modified')),
    ).toMatchObject({
      value: {
        groups: [
          { measuredAtSeconds: group.date, createdAtSeconds: group.date, modifiedAtSeconds: group.date },
          { measuredAtSeconds: -150_000_000, createdAtSeconds: 0, modifiedAtSeconds: 0 },
        ],
        skipped: 0,
      },
    });
  });

  test.each([
    { name: 'null', broken: null },
    { name: 'a list', broken: [1, 2] },
    { name: 'no type', broken: without(measure, 'type') },
    { name: 'a value in quotes', broken: { ...measure, value: '66600' } },
    { name: 'a value with a point', broken: { ...measure, value: 66.6 } },
    { name: 'no unit', broken: without(measure, 'unit') },
    { name: 'a unit past every number', broken: { ...measure, unit: 400 } },
    { name: 'a unit below every number', broken: { ...measure, unit: -400 } },
    { name: 'a position that cannot be read', broken: { ...measure, position: 'left' } },
  ])('a measure: $name', ({ broken }) => {
    const outcome = groupsOf({ ...group, measures: [broken, { ...measure, type: 8 }] });
    expect(outcome).toMatchObject({
      ok: true,
      value: { groups: [{ groupId: group.grpid, measures: [{ type: 8 }] }], skipped: 1 },
    });
  });

  test('whatever stands where, nothing throws, and no group goes uncounted', () => {
    const recordOf = (sample: object) =>
      fc.record(Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, usually(value)])));
    const usually = (value: unknown) =>
      fc.oneof({ weight: 19, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.jsonValue() });
    const anyMeasures = fc.array(fc.oneof(recordOf(measure), fc.jsonValue()));
    const anyGroup = fc.oneof(
      fc.tuple(recordOf(group), anyMeasures).map(([group, measures]) => ({ ...group, measures })),
      fc.jsonValue(),
    );
    let kept = 0;
    fc.assert(
      fc.property(fc.array(anyGroup), fc.jsonValue(), (measuregrps, anything) => {
        const outcome = groupsOf(...measuregrps);
        if (!outcome.ok) throw new Error('The envelope was whole.');
        const { groups, skipped } = outcome.value;
        kept += groups.length;
        expect(groups.length + skipped).toBeGreaterThanOrEqual(measuregrps.length);
        for (const { measuredAtSeconds, measures } of groups) {
          expect(() => new Date(measuredAtSeconds * 1000).toISOString()).not.toThrow();
          expect(measures.every(({ value, unit }) => Number.isFinite(Number(`${value}e${unit}`)))).toBe(true);
        }
        expect(processMeasureResponse(success(anything))).toHaveProperty('ok');
        expect(processMeasureResponse(success({ ...page, more: anything, offset: 5 }))).toHaveProperty('ok');
      }),
    );
    expect(kept).toBeGreaterThan(20);
  });
});
