import type { MeasureGroup } from '../../withings/wire.ts';

/**
 * The scope that a subscription to each kind of data (`appli`) needs. Source: "Notification content" in Withings'
 * guide.
 */
export const scopeOfAppli: Readonly<Record<number, string>> = {
  1: 'user.metrics',
  2: 'user.metrics',
  4: 'user.metrics',
  16: 'user.activity',
  44: 'user.activity',
  46: 'user.info',
  50: 'user.sleepevents',
  51: 'user.sleepevents',
  52: 'user.sleepevents',
  54: 'user.metrics',
  55: 'user.metrics',
  58: 'user.metrics',
  61: 'user.metrics',
  62: 'user.activity',
  63: 'user.metrics',
};

/** `delete`, `unlink` and `update` of the account itself. */
export const ACCOUNT_APPLI = 46;

const BODY_APPLI = 1;
const appliOfType: Readonly<Record<number, number>> = { 9: 4, 10: 4, 11: 4, 54: 4, 12: 2, 71: 2, 73: 2 };

/** The kinds of data in a group: a weigh-in with a pulse is of two. None in a goal. */
export const applisOf = ({ category, measures }: MeasureGroup): number[] =>
  category === 1 ? [...new Set(measures.map(({ type }) => appliOfType[type] ?? BODY_APPLI))] : [];
