import { expect, test } from 'vitest';

import { partOf } from '../../src/http/app.ts';
import { PARTS } from '../support/routes.ts';

test.each(Object.entries(PARTS))('every route of %s is in the part that its path selects', (_, part) => {
  const paths = part.routes.filter(({ method }) => method !== 'ALL').map(({ path }) => path.replaceAll(/:\w+/g, 'x'));
  expect(paths.length).toBeGreaterThan(2);
  for (const path of new Set(paths)) expect(partOf(path), path).toBe(part);
});

test.each(['/', '/apps', '/nothing', '/withings', '/apps/x/withings', '/apps/x/metricsx', '/dashboards'])(
  '%s is answered by the last part, as every path that is none',
  (path) => {
    expect(partOf(path)).toBe(PARTS.management);
  },
);
