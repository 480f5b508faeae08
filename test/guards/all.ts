import { ACCESS } from './access.ts';
import { ANSWERS } from './answers.ts';
import type { Guard } from './guard.ts';
import { LINKING } from './linking.ts';
import { OUTSIDE } from './outside.ts';
import { REFRESH_PROTOCOL } from './refresh-protocol.ts';

/** Every guard, of the threats of SECURITY.md and of the refresh protocol. */
export const GUARDS: readonly Guard[] = [...LINKING, ...ANSWERS, ...ACCESS, ...OUTSIDE, ...REFRESH_PROTOCOL];
