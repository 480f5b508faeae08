import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  digestOf,
  groupChanges,
  isAsStored,
  type MeasurementKey,
  packValues,
  parseValues,
  type StoredGroup,
} from '../../src/domain/group-change.ts';

const group = (changes: Partial<StoredGroup> = {}): StoredGroup => ({
  groupId: 1,
  measuredAtSeconds: 1_700_000_000,
  createdAtSeconds: 1_700_000_010,
  modifiedAtSeconds: 1_700_000_010,
  sourceId: 7,
  ambiguous: false,
  values: [
    { type: 1, position: -1, value: 68.4 },
    { type: 6, position: -1, value: 27.1 },
  ],
  ...changes,
});
const storedAs = (...groups: StoredGroup[]) => new Map(groups.map((one) => [one.groupId, one]));

describe('a group', () => {
  test('that says the same is left alone', () => {
    const { counts, ...writes } = groupChanges(storedAs(group()), [group()]);
    expect(counts).toEqual({ added: 0, changed: 0, removed: 0 });
    expect(Object.values(writes).flat()).toEqual([]);
  });

  test('that is new adds its values', () => {
    expect(groupChanges(storedAs(), [group()]).counts).toEqual({ added: 2, changed: 0, removed: 0 });
  });

  test('that a page holds twice is one group: the later one', () => {
    const later = group({ modifiedAtSeconds: 1_700_000_099, values: [{ type: 1, position: -1, value: 70 }] });
    const { counts, groups, measurements } = groupChanges(storedAs(), [group(), later]);
    expect(counts).toEqual({ added: 1, changed: 0, removed: 0 });
    expect(groups).toEqual([later]);
    expect(measurements).toHaveLength(1);
  });

  test('whose value was corrected changes that value alone', () => {
    const after = group({ values: [{ type: 1, position: -1, value: 68.5 }, ...group().values.slice(1)] });
    const { counts, stale, measurements } = groupChanges(storedAs(group()), [after]);
    expect(counts).toEqual({ added: 0, changed: 1, removed: 0 });
    expect([stale, measurements.map(({ type }) => type)]).toEqual([[], [1]]);
  });

  test.each([
    ['in time', { measuredAtSeconds: 1_600_000_000 }],
    ['to somebody else, perhaps', { ambiguous: true, sourceId: 8 }],
  ])('that moved %s is taken from its old place', (_, change) => {
    const { counts, stale, measurements } = groupChanges(storedAs(group()), [group(change)]);
    expect(counts).toEqual({ added: 0, changed: 2, removed: 0 });
    expect(stale.map(({ measuredAtSeconds, ambiguous }) => [measuredAtSeconds, ambiguous])).toEqual([
      [1_700_000_000, false],
      [1_700_000_000, false],
    ]);
    expect(measurements).toHaveLength(2);
  });

  test('that was only touched writes itself and no measurement', () => {
    const { counts, groups, measurements } = groupChanges(storedAs(group()), [
      group({ modifiedAtSeconds: 1_800_000_000 }),
    ]);
    expect(counts).toEqual({ added: 0, changed: 0, removed: 0 });
    expect([groups.length, measurements.length]).toEqual([1, 0]);
  });
});

const values = fc
  .uniqueArray(
    fc.record({
      type: fc.integer({ min: 1, max: 5 }),
      position: fc.constantFrom(-1, 2),
      value: fc.integer({ min: 0, max: 9 }),
    }),
    {
      selector: ({ type, position }) => `${type}/${position}`,
    },
  )
  .map((all) => all.sort((a, b) => a.type - b.type || a.position - b.position));
const groups = fc.uniqueArray(
  fc.record({
    groupId: fc.integer({ min: 1, max: 6 }),
    measuredAtSeconds: fc.integer({ min: 1, max: 3 }),
    createdAtSeconds: fc.constant(1),
    modifiedAtSeconds: fc.integer({ min: 1, max: 9 }),
    sourceId: fc.integer({ min: 1, max: 2 }),
    ambiguous: fc.boolean(),
    values,
  }),
  { selector: ({ groupId }) => groupId },
);

const keyOf = (key: MeasurementKey): string =>
  [key.type, key.position, key.ambiguous, key.measuredAtSeconds, key.groupId].join('/');
const rowsOf = (one: StoredGroup) => one.values.map((value) => ({ ...one, ...value, values: undefined }));
const tableOf = (all: readonly StoredGroup[]) =>
  new Map(all.flatMap(rowsOf).map((row) => [keyOf(row), `${row.value} ${row.sourceId}`]));

test('what is written turns the stored measurements into what Withings says, and counts it', () => {
  fc.assert(
    fc.property(groups, groups, (before, incoming) => {
      // Whose a group is follows from its source, as it does in what Withings sends.
      const asSent = (one: StoredGroup): StoredGroup => ({ ...one, ambiguous: one.sourceId === 2 });
      const stored = storedAs(...before.map(asSent));
      const sent = incoming.map(asSent);
      const { stale, measurements, counts, groups: written } = groupChanges(stored, sent);
      const table = tableOf([...stored.values()]);
      const sizeBefore = table.size;
      for (const key of stale) expect(table.delete(keyOf(key))).toBe(true);
      for (const row of measurements) table.set(keyOf(row), `${row.value} ${row.sourceId}`);
      const after = new Map([...stored, ...storedAs(...sent)]);
      expect(table).toEqual(tableOf([...after.values()]));
      expect(counts.added - counts.removed).toBe(table.size - sizeBefore);
      expect(groupChanges(after, sent).groups).toEqual([]);
      expect(written.length).toBeLessThanOrEqual(sent.length);
    }),
    { seed: 20_261_122 },
  );
});

describe('packed values', () => {
  test('are read as they were packed', () => {
    fc.assert(
      fc.property(values, (all) => {
        expect(parseValues(JSON.stringify(packValues(all)))).toEqual(all);
      }),
      { seed: 20_261_122 },
    );
  });

  test.each([null, '', 'no JSON', 'null', '7', '{}', '[7]', '[[1,-1]]', '[[1,-1,"70"]]', '[[1,-1,70],null]'])(
    'of another form are none (%s)',
    (text) => {
      expect(parseValues(text)).toBeUndefined();
    },
  );
});

describe('a group that is stored without its values', () => {
  const headOf = ({ values, ...head }: ReturnType<typeof group>) => ({ ...head, digest: digestOf(values) });

  test('is as stored if neither its head nor its values differ', () => {
    expect(isAsStored(headOf(group()), group())).toBe(true);
  });

  test.each([
    ['time', { measuredAtSeconds: 1_600_000_000 }],
    ['date of change', { modifiedAtSeconds: 1_700_000_099 }],
    ['source', { sourceId: 8 }],
    ['values', { values: [...group().values.slice(1), { type: 1, position: -1, value: 68.5 }] }],
    ['number of values', { values: group().values.slice(1) }],
    ['positions', { values: group().values.map((value) => ({ ...value, position: 3 })) }],
  ])('is not if another %s came', (_, change) => {
    expect(isAsStored(headOf(group()), group(change))).toBe(false);
  });

  test('has a digest that the database keeps in four bytes', () => {
    for (let kg = 0; kg < 1_000; kg += 1) {
      const digest = digestOf([{ type: 1, position: -1, value: kg / 10 }]);
      expect(digest | 0).toBe(digest);
    }
  });
});
