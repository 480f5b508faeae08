import { afterAll, expect } from 'vitest';

import { findLeaks, noteAnswer } from './leaks.ts';
import { ofMushu } from './run-here.ts';
import { state } from './shared.ts';

/** Around every file of the end-to-end and browser tests: what it was answered is kept, and searched for secrets when it is done. */

const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  if (ofMushu.getStore() === true) return fetch(input, init);
  const request = new Request(input, init);
  const response = await fetch(request);
  await noteAnswer(request.method, request.url, response);
  return response;
};

afterAll(async () => {
  expect(await findLeaks(state)).toEqual([]);
});
