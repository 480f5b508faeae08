import { expect } from 'vitest';

import { problem, type Problem } from '../../src/http/api/schemas.ts';
import { dumpState } from './dump.ts';

/** Reads an error answer, and sees that it is whole: its media type, its shape, its own id, and nothing to keep. */
export const readProblem = async (response: Response): Promise<Problem> => {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  const read = problem.parse(await response.json());
  expect(read.status).toBe(response.status);
  expect(read.type).toBe(`urn:mushu:problem:${read.code}`);
  expect(read.request_id).toBe(response.headers.get('X-Request-Id'));
  return read;
};

/** Status and code of an error answer, as `404 app_not_found`. */
export const codeOf = async (response: Response): Promise<string> => {
  const { status, code } = await readProblem(response);
  return `${status} ${code}`;
};

/** Runs something that must come to nothing: D1 is afterwards as it was before, claims and audit aside. */
export const changingNothing = async <Value>(run: () => Promise<Value>): Promise<Value> => {
  const before = await dumpState();
  const value = await run();
  expect(await dumpState()).toEqual(before);
  return value;
};
