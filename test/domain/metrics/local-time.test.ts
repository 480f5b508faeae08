import { tzOffset } from '@date-fns/tz/tzOffset';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  isExpressibleInstant,
  isKnownTimeZone,
  localDay,
  parseBound,
  toRfc3339,
} from '../../../src/domain/metrics/local-time.ts';

const SEED = 20_240_127;

/** Unix seconds of a UTC time. */
const utc = (text: string): number => Date.parse(`${text}Z`) / 1000;

const failureOf = (text: string) => {
  const parsed = parseBound(text, 'start');
  return parsed.ok ? undefined : parsed.failure;
};

describe('time zones', () => {
  test.each([
    'Nowhere/Land',
    '',
    ' Europe/Oslo',
    'Europe/Oslo ',
    'Nowhere+05:00',
    'Etc/GMT+99',
    'constructor',
    '__proto__',
    'toString',
  ])('the runtime does not know %j, which then counts as UTC', (timeZone) => {
    expect(isKnownTimeZone(timeZone)).toBe(false);
    expect(isKnownTimeZone(timeZone)).toBe(false);
    expect(toRfc3339(1_706_376_730, timeZone)).toBe('2024-01-27T17:32:10+00:00');
    expect(localDay(1_706_376_730, timeZone)).toBe('2024-01-27');
  });

  test.each(['UTC', 'Europe/Oslo', 'Europe/Kyiv', 'Asia/Calcutta', 'Pacific/Kiritimati', 'Etc/GMT+5'])(
    'the runtime knows %s',
    (timeZone) => {
      expect(isKnownTimeZone(timeZone)).toBe(true);
    },
  );

  test('stay known after thousands of unknown names', () => {
    for (let number = 0; number < 3000; number += 1) isKnownTimeZone(`Nowhere/${number}`);
    expect(isKnownTimeZone('Europe/Oslo')).toBe(true);
    expect(isKnownTimeZone('Nowhere/1')).toBe(false);
  });
});

describe('moments', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e13, -1e13, 0.5, utc('9999-12-31T12:00:00')])(
    '%d is none that can be expressed everywhere',
    (seconds) => {
      expect(isExpressibleInstant(seconds)).toBe(false);
    },
  );

  test.each([
    ['2024-01-27T17:32:10', 'Europe/Oslo', '2024-01-27T18:32:10+01:00', '2024-01-27'],
    ['2024-07-01T22:30:00', 'Europe/Oslo', '2024-07-02T00:30:00+02:00', '2024-07-02'],
    ['2024-01-27T17:32:10', 'UTC', '2024-01-27T17:32:10+00:00', '2024-01-27'],
    ['2024-01-27T20:00:00', 'Asia/Kolkata', '2024-01-28T01:30:00+05:30', '2024-01-28'],
    ['2024-01-27T01:00:00', 'America/St_Johns', '2024-01-26T21:30:00-03:30', '2024-01-26'],
    ['2024-07-27T01:00:00', 'America/St_Johns', '2024-07-26T22:30:00-02:30', '2024-07-26'],
    ['2024-12-31T10:00:00', 'Pacific/Kiritimati', '2025-01-01T00:00:00+14:00', '2025-01-01'],
    ['2024-12-31T11:59:59', 'Etc/GMT+12', '2024-12-30T23:59:59-12:00', '2024-12-30'],
    ['2024-02-29T23:59:59', 'UTC', '2024-02-29T23:59:59+00:00', '2024-02-29'],
    ['2024-02-29T18:45:00', 'Asia/Kathmandu', '2024-03-01T00:30:00+05:45', '2024-03-01'],
    ['1969-12-31T23:59:59', 'Europe/Oslo', '1970-01-01T00:59:59+01:00', '1970-01-01'],
    // The hour before and after the clocks change, in both directions.
    ['2024-03-31T00:59:59', 'Europe/Oslo', '2024-03-31T01:59:59+01:00', '2024-03-31'],
    ['2024-03-31T01:00:00', 'Europe/Oslo', '2024-03-31T03:00:00+02:00', '2024-03-31'],
    ['2024-10-27T00:30:00', 'Europe/Oslo', '2024-10-27T02:30:00+02:00', '2024-10-27'],
    ['2024-10-27T01:30:00', 'Europe/Oslo', '2024-10-27T02:30:00+01:00', '2024-10-27'],
    // Apia jumped over the date line: the 29th is followed by the 31st.
    ['2011-12-30T09:59:59', 'Pacific/Apia', '2011-12-29T23:59:59-10:00', '2011-12-29'],
    ['2011-12-30T10:00:00', 'Pacific/Apia', '2011-12-31T00:00:00+14:00', '2011-12-31'],
    // Local mean time in New York was 4 h 56 min 2 s behind: RFC 3339 offsets have no seconds.
    ['1880-01-01T00:00:00', 'America/New_York', '1879-12-31T19:04:00-04:56', '1879-12-31'],
  ])('%s UTC in %s is %s', (moment, timeZone, rfc3339, day) => {
    expect(toRfc3339(utc(moment), timeZone)).toBe(rfc3339);
    expect(localDay(utc(moment), timeZone)).toBe(day);
  });

  test('have the offset that the zone had then, however close to a change of its clocks', () => {
    const offsetThen = (seconds: number, timeZone: string) => tzOffset(timeZone, new Date(seconds * 1000));
    const offsetShown = (seconds: number, timeZone: string) => {
      const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(toRfc3339(seconds, timeZone)) ?? [];
      return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) + 0;
    };
    // The shortest summer time since 1970, hour by hour.
    for (let hour = 0; hour < 20 * 24; hour += 1) {
      const seconds = utc('2000-10-01T00:00:00') + hour * 3600;
      expect(offsetShown(seconds, 'America/Boa_Vista')).toBe(offsetThen(seconds, 'America/Boa_Vista'));
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
        fc.integer({ min: utc('1973-01-01T00:00:00'), max: utc('2040-01-01T00:00:00') }),
        (timeZone, seconds) => {
          expect(offsetShown(seconds, timeZone)).toBe(offsetThen(seconds, timeZone) + 0);
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });
});

test.each(['0001-01-01', '2011-12-30', '2024-02-29', '9999-12-31'])('%s is a day, whatever zone skipped it', (day) => {
  expect(parseBound(day, 'start')).toEqual({ ok: true, value: { day } });
  expect(parseBound(day, 'end')).toEqual({ ok: true, value: { day } });
});

describe('times as bounds', () => {
  test('what toRfc3339 writes is read back as the same moment, at either edge and in any zone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: utc('1850-01-01T00:00:00'), max: utc('2100-01-01T00:00:00') }),
        fc.constantFrom('Europe/Oslo', 'America/St_Johns', 'Pacific/Kiritimati', 'America/New_York', 'UTC'),
        fc.constantFrom('start' as const, 'end' as const),
        (seconds, timeZone, edge) => {
          const text = toRfc3339(seconds, timeZone);
          expect(parseBound(text, edge)).toEqual({ ok: true, value: { seconds } });
        },
      ),
      { seed: SEED, numRuns: 1000 },
    );
  });

  test.each([
    ['2024-01-27T18:32:10Z', '2024-01-27T18:32:10'],
    ['2024-01-27t18:32:10z', '2024-01-27T18:32:10'],
    ['2024-01-27T18:32:10-00:00', '2024-01-27T18:32:10'],
    ['2024-01-27T00:30:00+05:30', '2024-01-26T19:00:00'],
    ['2024-12-31T23:30:00-03:30', '2025-01-01T03:00:00'],
    ['2024-01-27T18:32:10.000Z', '2024-01-27T18:32:10'],
  ])('%s is %s UTC', (text, moment) => {
    expect(parseBound(text, 'start')).toEqual({ ok: true, value: { seconds: utc(moment) } });
    expect(parseBound(text, 'end')).toEqual({ ok: true, value: { seconds: utc(moment) } });
  });

  test('a fraction of a second lets neither bound reach beyond itself', () => {
    const second = utc('2024-01-27T18:32:10');
    expect(parseBound('2024-01-27T18:32:10.25Z', 'start')).toEqual({ ok: true, value: { seconds: second + 1 } });
    expect(parseBound('2024-01-27T18:32:10.25Z', 'end')).toEqual({ ok: true, value: { seconds: second } });
  });
});

describe('refused', () => {
  test.each([
    '2023-02-29',
    '2100-02-29',
    '2024-02-30',
    '2024-04-31',
    '2024-13-01',
    '2024-00-10',
    '2024-01-00',
    '2023-02-29T12:00:00Z',
    '2024-01-27T24:00:00Z',
    '2024-01-27T24:61:00Z',
    '2024-01-27T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2024-01-27T12:00:00+24:00',
    '2024-01-27T12:00:00+01:60',
  ])('%s, which does not exist', (text) => {
    expect(failureOf(text)?.kind).toBe('no_such_moment');
  });

  test.each([
    '',
    'yesterday',
    '1706376730',
    '2024-1-27',
    '20240127',
    '2024-01-27T18:32:10',
    '2024-01-27T18:32Z',
    '2024-01-27 18:32:10Z',
    '2024-01-27T18:32:10+0100',
    '2024-01-27T18:32:10.Z',
    '+002024-01-27',
    '2024-01-27\n',
    ' 2024-01-27',
    '２０２４-01-27',
    '2024-W04-6',
  ])('%j, which is neither a date nor an RFC 3339 time', (text) => {
    expect(failureOf(text)).toEqual({
      kind: 'not_a_bound',
      reason: 'must be a date (2024-01-27) or an RFC 3339 time (2024-01-27T18:32:10+01:00)',
    });
  });

  test('a plus that a form decoder made a space, with the remedy', () => {
    expect(failureOf('2024-01-27T18:32:10 01:00')?.reason).toContain('%2B');
  });

  test('no text makes it throw', () => {
    const near = fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{0,12}(Z|[+-][0-9:]{0,6})?)?$/);
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        const parsed = parseBound(text, 'end');
        if (!parsed.ok) expect(parsed.failure.reason.length).toBeGreaterThan(0);
        else if ('seconds' in parsed.value) expect(Number.isInteger(parsed.value.seconds)).toBe(true);
        else expect(parsed.value.day).toBe(text);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
