import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';

import type { MetricValue } from '../../src/domain/metrics/metric-value.ts';
import { metricByName } from '../../src/domain/metrics/metric.ts';
import { periodsAsCsv, valuesAsCsv } from '../../src/http/api/metrics/csv.ts';

const value: MetricValue = {
  name: 'weight',
  metric: metricByName('weight'),
  value: 71.25,
  measuredAtSeconds: 1_735_712_420,
  timeZone: 'America/St_Johns',
  groupId: 6_712_345_001,
  position: -1,
  derivedFrom: [],
  device: 'Body+',
  deviceHash: null,
  attribution: 'device',
  attrib: 0,
};

const PLAIN = { decimal: 'point' } as const;

const read = (table: string): Record<string, string>[] =>
  parse(table, { columns: true, bom: true, record_delimiter: '\r\n' });

test('is a header and a record a value, with a byte order mark for spreadsheets', () => {
  const table = valuesAsCsv(
    [
      value,
      {
        ...value,
        name: 'bmi',
        metric: metricByName('bmi'),
        value: 22.5,
        derivedFrom: [
          { name: 'weight', groupId: 1 },
          { name: 'height', groupId: 2 },
        ],
      },
    ],
    'metric',
    PLAIN,
  );
  expect(table.startsWith('\uFEFFmetric,value,unit,')).toBe(true);
  expect(read(table)).toEqual([
    {
      metric: 'weight',
      value: '71.25',
      unit: 'kg',
      local_time: '2025-01-01 02:50:20',
      measured_at: '2025-01-01T02:50:20-03:30',
      segment: '',
      group_id: '6712345001',
      derived_from: '',
      device: 'Body+',
      attribution: 'device',
      attribution_code: '',
    },
    expect.objectContaining({ metric: 'bmi', unit: 'kg/m²', derived_from: 'weight height' }),
  ]);
});

test.each(['=HYPERLINK("http://evil")', '+1', '-1+1', '@SUM(A1)', '\tx', '\r=1'])(
  'a device named %j runs no formula',
  (device) => {
    const [row] = read(valuesAsCsv([{ ...value, device }], 'metric', PLAIN));
    expect(row?.['device']).toBe(`'${device}`);
  },
);

test.each(['a, "quoted" name', 'two\r\nlines', 'ünïcode ⚖'])('a device named %j survives', (device) => {
  const [row] = read(valuesAsCsv([{ ...value, device }], 'metric', PLAIN));
  expect(row?.['device']).toBe(device);
});

test('an attribution without a published meaning has its number', () => {
  const rows = read(valuesAsCsv([value, { ...value, attribution: 'unknown', attrib: 10_009 }], 'metric', PLAIN));
  expect(rows.map((row) => [row['attribution'], row['attribution_code']])).toEqual([
    ['device', ''],
    ['unknown', '10009'],
  ]);
});

test('numbers below zero are numbers', () => {
  const [row] = read(
    valuesAsCsv([{ ...value, value: -1.5, metric: metricByName('body_temperature') }], 'metric', PLAIN),
  );
  expect(row?.['value']).toBe('-1.5');
});

test('periods are records too, and no values are a header', () => {
  const weight = { name: 'weight', metric: metricByName('weight'), type: 1, position: -1, rank: 0, needsHeight: false };
  const series = { ...weight, ambiguous: true };
  const figures = { first: 70, last: 71, min: 69, max: 72, mean: 70.5, count: 4 };
  const period = {
    name: '2024-W04',
    firstDay: '2024-01-22',
    lastDay: '2024-01-28',
    ...figures,
    series,
    partial: false,
  };
  const kind = { partial: 'false', ambiguous: 'true' };
  expect(read(periodsAsCsv([period], 'metric', PLAIN))).toEqual([
    expect.objectContaining({ period: '2024-W04', mean: '70.5', count: '4', first_day: '2024-01-22', ...kind }),
  ]);
  expect(read(valuesAsCsv([], 'metric', PLAIN))).toEqual([]);
});

test.each([
  [{ decimal: 'comma' }, ';', '71,25'],
  [{ decimal: 'comma', separator: 'tab' }, '\t', '71,25'],
  [{ decimal: 'comma', separator: 'comma' }, ',', '71,25'],
  [{ decimal: 'point', separator: 'semicolon' }, ';', '71.25'],
] as const)('is written as a spreadsheet of another language reads it: %j', (layout, delimiter, weight) => {
  const device = 'a;b,c\td "e"';
  const table = valuesAsCsv([{ ...value, device }], 'metric', layout);
  const [row] = parse(table, { columns: true, bom: true, record_delimiter: '\r\n', delimiter }) as Record<
    string,
    string
  >[];
  expect(row).toMatchObject({ value: weight, device, group_id: '6712345001' });
  const period = periodsAsCsv([], 'metric', layout);
  expect(period.split(delimiter)).toHaveLength(15);
});
