import { cpus, loadavg } from 'node:os';

import miniflare from 'miniflare/package.json' with { type: 'json' };

import type { CpuOf } from './cpu/measure.ts';
import type { MemoryAt } from './cpu/memory.ts';
import type { Live } from './live.ts';
import type { Slice } from './load.ts';
import { type Route, ROUTES } from './routes.ts';
import type { TickCost } from './tick.ts';

/** What a run found, as it is written to a file and printed. */

export type Size = { connections: number; measurements: number };

export type Figures = { perSecond: number; cpuUs: number };

export type Result = Size & {
  route: Route;
  broker: Figures;
  floor: Figures;
  /** Of the floor's requests a second: the median over the rounds, each of which had both. */
  ratio: number;
  atLeast: number | null;
  /** What a user would pick instead. */
  instead: (Figures & { name: string }) | null;
};

export type Report = {
  machine: { cpu: string; cores: number; node: string; miniflare: string; loadAverage: number };
  bundle: { gzippedBytes: number; startUpMs: number } | null;
  results: Result[];
  ticks: (Size & TickCost)[];
  live: Live | null;
  /** CPU of one invocation of each kind. */
  cpu: CpuOf[];
  /** Under a mixed load, as time passes. */
  memory: MemoryAt[];
};

export const machine = (): Report['machine'] => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  miniflare: miniflare.version,
  loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
});

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const perSecondOf = ({ requests, ms }: Slice): number => (requests * 1000) / ms;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The figures of one contestant. CPU is that of all its slices: the system counts it in hundredths of a second. */
export const figuresOf = (slices: readonly Slice[]): Figures => ({
  perSecond: Math.round(median(slices.map(perSecondOf))),
  cpuUs: Math.round((sum(slices.map(({ cpuMs }) => cpuMs)) * 1000) / sum(slices.map(({ requests }) => requests))),
});

/** The share of the floor's requests a second that the broker reaches. */
export const ratioOf = (broker: readonly Slice[], floor: readonly Slice[]): number =>
  median(
    broker.flatMap((slice, round) => {
      const beside = floor[round];
      return beside === undefined ? [] : [perSecondOf(slice) / perSecondOf(beside)];
    }),
  );

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string => {
  const cells = [head, ...rows].map((row) => row.map((cell) => (typeof cell === 'number' ? thousands(cell) : cell)));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = [], ...others] = cells;
  return [line(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...others.map(line)].join('\n');
};

const thousands = (value: number): string => value.toLocaleString('en-US');

const inMs = (cpuUs: number): string => (cpuUs / 1000).toFixed(2);

/** The tables, as Markdown. */
export const printed = ({ machine: on, bundle, results, ticks, live, cpu, memory }: Report, mainSize: Size): string => {
  const isMain = (one: Size) => one.connections === mainSize.connections && one.measurements === mainSize.measurements;
  const main = results.filter(isMain);
  const parts = [
    `${on.cores} × ${on.cpu}, Node ${on.node}, miniflare ${on.miniflare}; load average ${on.loadAverage} when it began.`,
    bundle && `Bundle: ${Math.round(bundle.gzippedBytes / 1024)} KiB gzipped; ${bundle.startUpMs} ms to start.`,
    main.length > 0 &&
      table(
        [
          'requests a second',
          'broker',
          'bare Worker',
          'ratio',
          'at least',
          'alternative',
          'CPU ms a request: broker',
          'bare Worker',
          'alternative',
        ],
        main.map(({ route, broker, floor, ratio, atLeast, instead }) => [
          ROUTES[route].name,
          broker.perSecond,
          floor.perSecond,
          ratio.toFixed(2),
          atLeast?.toFixed(1) ?? '',
          instead === null ? '' : `${instead.name}: ${thousands(instead.perSecond)}`,
          inMs(broker.cpuUs),
          inMs(floor.cpuUs),
          instead === null ? '' : inMs(instead.cpuUs),
        ]),
      ),
    results.length > main.length &&
      table(
        ['CPU ms (the bare Worker’s): connections', 'measurements', ...main.map(({ route }) => ROUTES[route].name)],
        sizesOf(results).map((size) => [
          size.connections,
          size.measurements,
          ...main.map(({ route }) => {
            const one = results.find((result) => result.route === route && sameSize(result, size));
            return one === undefined ? '' : `${inMs(one.broker.cpuUs)} (${inMs(one.floor.cpuUs)})`;
          }),
        ]),
      ),
    ticks.length > 0 &&
      table(
        ['connections', 'due', 'handled by a tick', 'rows read', 'to find the work', 'rows written'],
        ticks.map((one) => [
          one.connections,
          one.due,
          one.handled,
          one.rowsRead,
          one.rowsReadToFindTheWork,
          one.rowsWritten,
        ]),
      ),
    live && liveTable(live),
    cpu.length > 0 && cpuTable(cpu),
    memory.length > 0 &&
      table(
        [
          'minutes',
          'broker: invocations',
          'MB of objects',
          'of the process',
          'bare Worker: invocations',
          'of objects',
          'of the process',
        ],
        memory.map(({ minutes, broker, bare }) => [
          Math.round(minutes),
          ...[broker, bare].flatMap(({ invocations, usedHeapMb, residentMb }) => [
            invocations,
            usedHeapMb.toFixed(1),
            residentMb,
          ]),
        ]),
      ),
  ];
  return parts.filter((part) => typeof part === 'string').join('\n\n');
};

/** The value below which this part of the values lies. */
const quantile = (values: readonly number[], part: number): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.ceil(values.length * part) - 1] ?? 0);

const cpuTable = (cpu: readonly CpuOf[]): string =>
  table(
    ['CPU ms of an invocation', 'first', 'bare Worker', 'at most', 'warm', 'bare Worker', 'above it', 'at most'],
    cpu.map(({ work: { name, atMost }, broker, bare }) => [
      name,
      broker.cold.toFixed(1),
      bare.cold.toFixed(1),
      atMost.cold?.toFixed(0) ?? '',
      broker.warm.toFixed(1),
      bare.warm.toFixed(1),
      (broker.warm - bare.warm).toFixed(1),
      atMost.warm.toFixed(0),
    ]),
  );

const liveTable = ({ withShare, withoutShare }: Live): string =>
  table(
    ["ms from Withings' push", 'weigh-ins', 'median', '95th percentile', 'longest'],
    Object.entries({
      'readable by the app': withShare.readable,
      'event verified by its webhook': withShare.event,
      'readable, if the quota is spent': withoutShare.readable,
      'event verified, if the quota is spent': withoutShare.event,
    })
      .filter(([, times]) => times.length > 0)
      .map(([name, times]) => [name, times.length, quantile(times, 0.5), quantile(times, 0.95), quantile(times, 1)]),
  );

const sameSize = (left: Size, right: Size): boolean =>
  left.connections === right.connections && left.measurements === right.measurements;

const sizesOf = (results: readonly Size[]): Size[] =>
  results.filter((one, index) => results.findIndex((other) => sameSize(one, other)) === index);
