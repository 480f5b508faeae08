import { inject } from 'vitest';

import type { Shared } from './setup.ts';

const answer = await fetch(inject('shared'));
if (!answer.ok) throw new Error(await answer.text());
export const { ready, state, browserAt } = (await answer.json()) as Shared;
