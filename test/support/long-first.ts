import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * In which order the lanes begin. All workers begin the last at one time, and then wait for modules to be transformed:
 * one of them is busy with the long deployment while the others do so.
 */
const LANES = ['apart', 'node', 'deploy', 'workerd'];

/** Files that take seconds, the longest first. */
const LONG = [
  'check',
  'interleavings/notifications',
  'interleavings/refresh',
  'browser/dashboard',
  'e2e/attack',
  'e2e/demo',
  'e2e/restart',
  'browser/who-may-link',
  'e2e/dev-options',
  'e2e/cli',
  'browser/web-example',
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

const laneOf = ({ project }: TestSpecification): number => LANES.indexOf(project.name);

/**
 * Within each lane the long files come first, so that the last does not run alone on one of the cores. Vitest knows by
 * itself how long a file took, but not in a fresh clone.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((left, right) => laneOf(left) - laneOf(right) || rankOf(left) - rankOf(right));
  }
}
