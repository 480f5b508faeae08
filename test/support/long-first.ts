import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take seconds, the longest first. */
const LONG = [
  'e2e/attack',
  'e2e/restart',
  'e2e/cli',
  'browser/dashboard',
  'browser/who-may-link',
  'deploy/deploy',
  'interleavings/refresh',
  'broker/refusals',
  'broker/refresh-crash',
  'http/history-in-pieces',
  'http/ten-years',
  'http/webhooks-backlog',
  'broker/refresh-rules',
  'http/sync-refused',
].map((name) => `/test/${name}.test.ts`);

const rankOf = ({ moduleId }: TestSpecification): number => {
  const index = LONG.findIndex((name) => moduleId.endsWith(name));
  return index < 0 ? LONG.length : index;
};

/**
 * Within each lane the long files come first, so that the last does not run alone on one of the cores. Vitest knows by itself how long a
 * file took, but not in a fresh clone.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const lanes = Map.groupBy(await super.sort(files), ({ project }) => project.name);
    return [...lanes.values()].flatMap((lane) => lane.toSorted((left, right) => rankOf(left) - rankOf(right)));
  }
}
