import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { interpretGroup, type UpstreamGroup, WHOLE_BODY } from '../../../src/domain/metrics/measurement.ts';
import bodyPlus from '../../fixtures/getmeas-body-plus.json' with { type: 'json' };
import bodyScan from '../../fixtures/getmeas-body-scan.json' with { type: 'json' };
import { group, measure, valuesOf } from './groups.ts';

const SEED = 20_240_127;

type RecordedMeasure = { type: number; value: number; unit: number; position?: number };
type Recorded = {
  body: {
    timezone: string;
    measuregrps: {
      grpid: number;
      attrib: number;
      category: number;
      date: number;
      created: number;
      modified: number;
      deviceid: string;
      model: string;
      modelid: number;
      measures: RecordedMeasure[];
    }[];
  };
};

const upstreamGroups = ({ body }: Recorded): UpstreamGroup[] =>
  body.measuregrps.map((recorded) => ({
    groupId: recorded.grpid,
    attrib: recorded.attrib,
    category: recorded.category,
    measuredAtSeconds: recorded.date,
    createdAtSeconds: recorded.created,
    modifiedAtSeconds: recorded.modified,
    deviceId: recorded.deviceid,
    model: recorded.model,
    modelId: recorded.modelid,
    timeZone: body.timezone,
    measures: recorded.measures.map(({ type, value, unit, position }) => measure(type, value, unit, position)),
  }));

describe('what is no measurement', () => {
  test.each([0, 2, 3, -1])('a group of category %i, such as a weight goal', (category) => {
    expect(interpretGroup(group({ category, measures: [measure(1, 70, 0)] }))).toBeUndefined();
  });

  test.each([Number.NaN, 1e13, -1e13, 253_402_300_799, 1.5])('a group of the moment %d', (measuredAtSeconds) => {
    expect(interpretGroup(group({ measuredAtSeconds, measures: [measure(1, 70, 0)] }))).toBeUndefined();
  });

  test.each([
    ['no number', Number.NaN, 0],
    ['infinity', Number.POSITIVE_INFINITY, 0],
    ['an exponent that makes infinity', 5, 400],
    ['an exponent that makes nothing', 5, -400],
    ['an exponent just too far', 5, -13],
    ['an exponent that is no integer', 5, 1.5],
    ['an exponent that is no number', 5, Number.NaN],
    ['more digits than a number has', 1e22, -3],
  ])('a value with %s, whose neighbours stay', (_, value, unit) => {
    expect(valuesOf(measure(1, value, unit), measure(76, 5423, -2))).toEqual([
      { type: 76, position: WHOLE_BODY, value: 54.23 },
    ]);
  });

  test('a group with nothing usable is still a group, without values', () => {
    expect(interpretGroup(group({}))?.values).toEqual([]);
  });
});

describe('values', () => {
  test.each([
    [80_094, -3, 80.094],
    [6660, -2, 66.6],
    [7_125_001, -5, 71.250_01],
    [58, 0, 58],
    [12, 1, 120],
    [-5, -1, -0.5],
    [0, -3, 0],
  ])('%i with exponent %i is exactly %d', (value, unit, exact) => {
    expect(valuesOf(measure(1, value, unit))).toEqual([{ type: 1, position: WHOLE_BODY, value: exact }]);
  });

  test('have the digits that were sent, for any exponent seen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 1, max: 5 }), (digits, decimals) => {
        const text = String(digits).padStart(decimals + 1, '0');
        const decimal = `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
        const value = valuesOf(measure(1, digits, -decimals))?.[0]?.value;
        expect(value).toBe(Number.parseFloat(decimal));
        expect(value?.toFixed(decimals)).toBe(decimal);
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  test.each([130, 139])('of type %i are codes and not scaled', (type) => {
    expect(valuesOf(measure(type, 12, -2))).toEqual([{ type, position: WHOLE_BODY, value: 12 }]);
    expect(valuesOf(measure(type, 1, -400))).toEqual([{ type, position: WHOLE_BODY, value: 1 }]);
  });
});

describe('any group', () => {
  const anyMeasure = fc.record({
    type: fc.constantFrom(1, 5, 11, 54, 76, 130, 168, 173, 999),
    value: fc.integer({ min: -1000, max: 100_000 }),
    unit: fc.integer({ min: -20, max: 20 }),
    position: fc.option(fc.integer({ min: 0, max: 31 }), { nil: undefined }),
  });

  test('has one value per type and position, all of them finite, sorted', () => {
    fc.assert(
      fc.property(fc.array(anyMeasure), (measures) => {
        const values = valuesOf(...measures) ?? [];
        const keys = values.map(({ type, position }) => type * 1000 + position);
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys).toEqual(keys.toSorted((a, b) => a - b));
        expect(values.every(({ value }) => Number.isFinite(value))).toBe(true);
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  test('is the same when every measure comes twice', () => {
    fc.assert(
      fc.property(fc.array(anyMeasure), (measures) => {
        expect(valuesOf(...measures, ...measures)).toEqual(valuesOf(...measures));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('holds no type that was not sent, and no segment as the whole body', () => {
    fc.assert(
      fc.property(fc.array(anyMeasure), (measures) => {
        const values = valuesOf(...measures) ?? [];
        const sent = new Set<number>(measures.map(({ type }) => type));
        expect(values.every(({ type }) => sent.has(type))).toBe(true);
        expect(values.some(({ type, position }) => type === 173 && position === WHOLE_BODY)).toBe(false);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('attribution', () => {
  test.each([
    [0, 'device'],
    [1, 'ambiguous'],
    [2, 'manual'],
    [3, 'claimed'],
    [4, 'manual_at_signup'],
    [5, 'device_series'],
    [7, 'confirmed'],
    [8, 'device'],
    [15, 'guided'],
    [10, 'unknown'],
    [17, 'unknown'],
    [10_009, 'unknown'],
    [-1, 'unknown'],
  ])('of attrib %i is %s, and only 1 is ambiguous', (attrib, attribution) => {
    expect(interpretGroup(group({ attrib }))).toMatchObject({
      attribution,
      ambiguous: attrib === 1,
      source: { attrib },
    });
  });
});

describe('recorded answers', () => {
  test('a Body+ weigh-in', () => {
    expect(upstreamGroups(bodyPlus).map(interpretGroup)).toEqual([
      {
        groupId: 5_207_274_273,
        measuredAtSeconds: 1_706_376_730,
        createdAtSeconds: 1_706_376_751,
        modifiedAtSeconds: 1_706_376_751,
        attribution: 'device',
        ambiguous: false,
        source: {
          model: 'Body+',
          modelId: 5,
          deviceId: '0123456789abcdef0123456789abcdef01234567',
          timeZone: 'Europe/Oslo',
          attrib: 0,
        },
        values: [{ type: 1, position: WHOLE_BODY, value: 80.094 }],
      },
    ]);
  });

  test('a Body Scan weigh-in: doubled types once, five segments of each kind apart', () => {
    const [weighIn, pulse, arteries] = upstreamGroups(bodyScan).map(interpretGroup);
    const whole = weighIn?.values.filter(({ position }) => position === WHOLE_BODY);
    expect(whole?.map(({ type, value }) => [type, value])).toEqual([
      [1, 71.25],
      [5, 57.13],
      [6, 19.818],
      [8, 14.12],
      [76, 54.23],
      [77, 40.88],
      [88, 2.9],
      [168, 17.02],
      [169, 23.86],
      [170, 2.1],
      [226, 1604],
    ]);
    const segments = weighIn?.values.filter(({ position }) => position !== WHOLE_BODY);
    expect(segments).toHaveLength(15);
    expect(segments?.filter(({ type }) => type === 175)).toEqual([
      { type: 175, position: 2, value: 3.02 },
      { type: 175, position: 3, value: 2.96 },
      { type: 175, position: 10, value: 8.64 },
      { type: 175, position: 11, value: 8.59 },
      { type: 175, position: 12, value: 26.97 },
    ]);
    expect(pulse?.values).toEqual([
      { type: 11, position: WHOLE_BODY, value: 58 },
      { type: 130, position: WHOLE_BODY, value: 0 },
    ]);
    expect(arteries).toMatchObject({
      attribution: 'device',
      source: { attrib: 8, timeZone: 'Pacific/Kiritimati' },
      values: [
        { type: 91, position: WHOLE_BODY, value: 7.12 },
        { type: 155, position: WHOLE_BODY, value: 41.2 },
      ],
    });
  });
});
