import { ACCESS } from './access.ts';
import { ANSWERS } from './answers.ts';
import { ARRIVING } from './arriving.ts';
import { AT_THE_EDGE } from './edge.ts';
import type { Guard } from './guard.ts';
import { LEAVING } from './leaving.ts';
import { LIMITS } from './limits.ts';
import { LINKING } from './linking.ts';
import { OUTSIDE } from './outside.ts';
import { PARKING } from './parking.ts';
import { REDIRECTS } from './redirects.ts';
import { REFRESH_PROTOCOL } from './refresh-protocol.ts';
import { STATES } from './states.ts';
import { STORED } from './stored.ts';

/** Every guard, of the threats of SECURITY.md and of the refresh protocol. */
export const GUARDS: readonly Guard[] = [
  ...LINKING,
  ...STATES,
  ...REDIRECTS,
  ...ANSWERS,
  ...ACCESS,
  ...STORED,
  ...LIMITS,
  ...OUTSIDE,
  ...REFRESH_PROTOCOL,
  ...PARKING,
  ...ARRIVING,
  ...LEAVING,
  ...AT_THE_EDGE,
];
