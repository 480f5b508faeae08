import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { asConnectionId } from '../../src/domain/connection-id.ts';
import { likelySeries } from '../../src/domain/metrics/metric-query.ts';
import { openDatabase } from '../../src/store/d1.ts';
import { ownerFoundBy, ownerOf, run } from '../../src/store/metrics/read.ts';
import { endsRead, seriesRead } from '../../src/store/metrics/series.ts';

/**
 * D1 takes statements of at most 100,000 bytes: https://developers.cloudflare.com/d1/platform/limits/. So does workerd.
 */

const db = openDatabase(env.DB, {
  now: () => 0,
  sleep: async () => undefined,
  random: (size) => new Uint8Array(size),
  memory: {},
});

/** Every series of the catalog, with what makes the statement of each longest. */
const widest = {
  series: likelySeries({
    names: undefined,
    groups: ['body_composition', 'vitals', 'other'],
    segments: true,
    ambiguous: true,
    manual: true,
  }),
  fromSeconds: 1_600_000_000,
  toSeconds: 1_700_000_000,
  manual: false,
  undecided: [
    { fromSeconds: 1_600_000_000, toSeconds: 1_600_086_400 },
    { fromSeconds: 1_699_913_600, toSeconds: 1_700_000_000 },
  ],
};
const owners = [
  ['known', ownerOf(asConnectionId(1))],
  [
    'found in the same batch',
    ownerFoundBy(
      { sql: 'SELECT id FROM connections WHERE user_id = ?', values: ['ada'] },
      { connectionId: 1, dataVersion: 1 },
    ),
  ],
] as const;

test.each(owners)('D1 takes the ends of every series of an owner that is %s', async (_, owner) => {
  expect(await run(db, endsRead(db, { ...widest, owner }))).toMatchObject({ ok: true });
});

test.each(owners)('D1 takes a page of every series of an owner that is %s', async (_, owner) => {
  const after = { measuredAtSeconds: 1_650_000_000, groupId: 1, rank: 1 };
  const query = { ...widest, owner, order: 'desc', limit: 1_000, after, filledIn: false, before: true } as const;
  expect(await run(db, seriesRead(db, query))).toMatchObject({ ok: true });
});
