import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { isWorthNoting, type RowsUsed, withRows } from '../../src/domain/rows-used.ts';

/** When an isolate notes the rows that it has used. */

const DAY_MS = 86_400_000;

test('a day’s rows are noted with a row for a thousand written or fifty thousand read, and 24 more, and only the last are not', () => {
  const answers = fc.array(fc.record({ read: fc.nat(15_000), written: fc.nat(300), afterMs: fc.nat(DAY_MS / 500) }), {
    minLength: 1,
    maxLength: 400,
  });
  fc.assert(
    fc.property(answers, (sent) => {
      let now = DAY_MS * 20_000;
      let used: RowsUsed | undefined;
      const noted = { read: 0, written: 0, notes: 0 };
      const all = { read: 0, written: 0 };
      for (const { read, written, afterMs } of sent) {
        now = Math.min(now + afterMs, DAY_MS * 20_001 - 1);
        used = withRows(used, { read, written }, now);
        all.read += read;
        all.written += written;
        if (!isWorthNoting(used, now)) continue;
        noted.read += used.read;
        noted.written += used.written;
        noted.notes += 1;
        used = undefined;
      }
      expect(noted.notes).toBeLessThanOrEqual(all.written / 1_000 + all.read / 50_000 + 24);
      expect(noted.read + (used?.read ?? 0)).toBe(all.read);
      expect(noted.written + (used?.written ?? 0)).toBe(all.written);
      expect(used === undefined || (used.read < 50_000 && used.written < 1_000)).toBe(true);
    }),
    { seed: 19 },
  );
});
