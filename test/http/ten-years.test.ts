import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { interpretGroup } from '../../src/domain/metrics/measurement.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { expectNewestRight } from '../support/newest-right.ts';

/**
 * Ten years of daily weigh-ins, some 15,000 groups: whole, in slices, whatever cuts in between, and again without a
 * change.
 */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
/** What the person's groups come to, worked out from the simulator's own list. */
let whole: { groups: number; measurements: number; sum: number };

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
  whole = wholeHistory();
});
beforeEach(() => {
  broker.simulator.state.faults.clear();
  Object.assign(broker.simulator.state.settings, { order: 'recorded', pageSize: 300 });
  d1.failWhen(undefined);
});

const wholeHistory = () => {
  const groups = (broker.simulator.state.people.find('walter')?.groups.all() ?? []).flatMap(
    (group) =>
      interpretGroup({
        groupId: group.grpid,
        attrib: group.attrib,
        category: group.category,
        measuredAtSeconds: group.date,
        createdAtSeconds: group.created,
        modifiedAtSeconds: group.modified,
        deviceId: group.deviceid,
        model: group.model ?? null,
        modelId: group.modelid ?? null,
        timeZone: 'UTC',
        measures: group.measures.map(({ type, value, unit, position }) => ({ type, value, unit, position })),
      }) ?? [],
  );
  const values = groups.flatMap((group) => group.values);
  return {
    groups: groups.length,
    measurements: values.length,
    sum: round(values.reduce((sum, { value }) => sum + value, 0)),
  };
};

const round = (sum: number): number => Math.round(sum * 1_000);

const stored = async (userId: string) => {
  const row = await env.DB.prepare(
    `SELECT (SELECT count(*) FROM groups WHERE connection_id = c.id) AS groups,
       (SELECT count(*) FROM measurements WHERE connection_id = c.id) AS measurements,
       (SELECT sum(value) FROM measurements WHERE connection_id = c.id) AS sum
     FROM connections AS c WHERE app_id = ? AND user_id = ?`,
  )
    .bind(app.id, userId)
    .first<{ groups: number; measurements: number; sum: number }>();
  return row && { ...row, sum: round(row.sum) };
};

type Slice = { status: number; added: number; changed: number; removed: number; complete: boolean };

const slice = async (userId: string): Promise<Slice> => {
  broker.advance(60_000);
  d1.reset();
  const response = await app.call('POST', `/withings/sync/${userId}`);
  return { ...(await response.json<Omit<Slice, 'status'>>()), status: response.status };
};

/** Calls sync until it is complete; each slice, in order. */
const syncWhole = async (
  userId: string,
  atEach: (slices: number) => void | Promise<void> = () => undefined,
): Promise<Slice[]> => {
  const slices: Slice[] = [];
  for (;;) {
    const one = await slice(userId);
    slices.push(one);
    await atEach(slices.length);
    if (one.status !== 202 || slices.length > 100) return slices;
  }
};

const total = (slices: readonly Slice[], count: 'added' | 'changed' | 'removed') =>
  slices.reduce((sum, one) => sum + one[count], 0);

const dataRowsWritten = () =>
  d1.statements
    .filter(({ sql }) => /(INTO|UPDATE|FROM) "?(measurements|groups|sources)\b/i.test(sql))
    .reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);

const getmeasCalls = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;

describe('as Withings sends it', () => {
  test('is about 15,000 groups of about 3,650 weigh-ins', () => {
    expect(whole.groups).toBeGreaterThan(14_000);
    expect(whole.measurements).toBeGreaterThan(3_650 * 8);
  });

  test('is stored whole in slices: 202 while more is to come, then 200', async () => {
    await connect(broker, app, 'walter', 'walter');
    const callsOfSlices: number[] = [];
    const statementsOfSlices: number[] = [];
    const before = getmeasCalls();
    let rowsRead = 0;
    let rowsWritten = 0;
    const slices = await syncWhole('walter', async () => {
      callsOfSlices.push(d1.calls());
      statementsOfSlices.push(d1.statements.length);
      // Linear in what was written, and in the window that is reviewed at the end: a quadratic join would read millions.
      expect(d1.rowsRead()).toBeLessThanOrEqual(4 * d1.rowsWritten() + 400);
      rowsRead += d1.rowsRead();
      rowsWritten += d1.rowsWritten();
      await expectNewestRight({ broker, app }, 'walter');
    });
    // A page of 300 groups is a slice, and each ten minutes ask for what changed.
    const pages = Math.ceil(whole.groups / 300);
    expect(getmeasCalls() - before).toBeLessThanOrEqual(pages + slices.length / 10 + 5);
    expect(slices.length).toBeLessThanOrEqual(pages + 2);
    expect(rowsWritten).toBeLessThanOrEqual(whole.groups + whole.measurements + 14 * slices.length);
    expect(rowsRead).toBeLessThanOrEqual(1.25 * rowsWritten);
    expect(slices.length).toBeGreaterThan(10);
    const isCutShort = ({ status, complete }: Slice) => status === 202 && !complete;
    expect(slices.slice(0, -1).every(isCutShort)).toBe(true);
    expect(slices.at(-1)).toMatchObject({ status: 200, complete: true });
    expect(await stored('walter')).toEqual(whole);
    expect(total(slices, 'added')).toBe(whole.measurements);
    expect([total(slices, 'changed'), total(slices, 'removed')]).toEqual([0, 0]);
    // Beside a page of 300 groups at most one that is small: three round trips a page, and a few for the slice.
    expect(Math.max(...callsOfSlices)).toBeLessThanOrEqual(2 * 3 + 6);
    // One statement a page shows whether a write whose answer was lost was made.
    expect(Math.max(...statementsOfSlices)).toBeLessThanOrEqual(2 * 9 + 8);
  });

  test('again, changes nothing and writes no measurement', async () => {
    const again = await slice('walter');
    expect(again).toMatchObject({ status: 200, added: 0, changed: 0, removed: 0, complete: true });
    expect(dataRowsWritten()).toBe(0);
    expect(await stored('walter')).toEqual(whole);
  });

  test('costs a page no more statements when the page has ten times the groups', async () => {
    const statementsOf = async (userId: string, pageSize: number) => {
      broker.simulator.state.settings.pageSize = pageSize;
      await connect(broker, app, userId, 'walter');
      await slice(userId);
      const cost = { calls: d1.calls(), statements: d1.statements.length };
      await app.call('DELETE', `/withings/disconnect/${userId}`);
      return cost;
    };
    const few = await statementsOf('few', 3);
    const many = await statementsOf('many', 30);
    expect(many.calls).toBe(few.calls);
    expect(many.statements).toBeLessThanOrEqual(few.statements + 4);
  });
});

describe('in the other order, with pages of another size in between', () => {
  test('is stored whole all the same, and again changes nothing', async () => {
    broker.simulator.state.settings.order = 'reversed';
    await connect(broker, app, 'reversed', 'walter');
    const slices = await syncWhole('reversed', (count) => {
      broker.simulator.state.settings.pageSize = count === 3 ? 50 : 300;
    });
    expect(slices.at(-1)?.status).toBe(200);
    expect(await stored('reversed')).toEqual(whole);
    expect(await slice('reversed')).toMatchObject({ status: 200, added: 0, changed: 0, removed: 0 });
    expect(dataRowsWritten()).toBe(0);
  });
});

describe('cut off in the middle', () => {
  test('keeps what was stored, and the cron goes on to the end', async () => {
    const { faults, settings } = broker.simulator.state;
    settings.pageSize = 50;
    await connect(broker, app, 'cut', 'walter');
    expect((await slice('cut')).status).toBe(202);
    const before = await stored('cut');
    expect(before?.groups).toBeGreaterThan(100);

    // Withings goes down: what came before stays.
    faults.add({ kind: 'http_503', action: 'getmeas', times: 1 });
    expect((await slice('cut')).status).toBe(503);
    expect(await stored('cut')).toEqual(before);

    // The invocation dies after its second page: nothing more reaches D1, not even that it failed.
    let pages = 0;
    d1.failWhen(({ statements }) => {
      if (statements.some((sql) => sql.includes('INTO measurements'))) pages += 1;
      return pages > 2 ? 'refused' : undefined;
    });
    expect((await slice('cut')).status).toBe(503);
    d1.failWhen(undefined);
    expect((await stored('cut'))?.groups).toBeGreaterThan(before?.groups ?? 0);

    const requestsBefore = broker.logs.filter(({ event }) => event === 'request').length;
    // Larger pages than a slice stores are read in parts.
    settings.pageSize = 2_000;
    for (let ticks = 0; ticks < 60; ticks += 1) {
      const groups = (await stored('cut'))?.groups ?? 0;
      broker.advance(60_000);
      await broker.tick();
      expect(((await stored('cut'))?.groups ?? 0) - groups).toBeLessThan(450);
    }
    expect(await stored('cut')).toEqual(whole);
    expect(broker.logs.filter(({ event }) => event === 'request')).toHaveLength(requestsBefore);
    expect(await slice('cut')).toMatchObject({ status: 200, added: 0, changed: 0, removed: 0 });
  });
});
