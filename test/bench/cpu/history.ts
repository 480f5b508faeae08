import {
  type GetmeasBody,
  type MeasureGroup,
  NOTIFY_PATH,
  OAUTH2_PATH,
  type SuccessEnvelope,
} from '../../../src/withings/wire.ts';

/** Withings for the CPU bench: everybody has the same past, newest first, in pages of a size. */
export const createHistory = () => {
  let groups: MeasureGroup[] = [];
  let pageSize = 0;
  let weighIns = 0;

  const getmeas = (form: URLSearchParams): GetmeasBody => {
    const now = Math.floor(Date.now() / 1000);
    const body = { updatetime: now, timezone: 'Europe/Paris' };
    if (form.has('lastupdate') && groups.length === 0) {
      weighIns += 1;
      return { ...body, measuregrps: [groupOf(FIRST_GROUP + weighIns, now)] };
    }
    const [from, to, offset] = ['startdate', 'enddate', 'offset'].map((name) => Number(form.get(name) ?? 0));
    const types = form.get('meastypes')?.split(',').map(Number);
    const wanted = groups.filter(
      ({ date, measures }) =>
        date >= (from ?? 0) &&
        (to === 0 || date <= (to ?? 0)) &&
        (types === undefined || measures.some(({ type }) => types.includes(type))),
    );
    const end = (offset ?? 0) + pageSize;
    const more = end < wanted.length ? { more: 1, offset: end } : {};
    return { ...body, measuregrps: wanted.slice(offset, end), ...more };
  };

  return {
    /** Everybody's past: so many groups, one each eight hours. */
    fill: (count: number, size: number) => {
      const now = Math.floor(Date.now() / 1000);
      groups = Array.from({ length: count }, (_, index) => groupOf(count - index, now - index * EIGHT_HOURS_SECONDS));
      pageSize = size;
    },
    answer: (path: string, form: URLSearchParams): SuccessEnvelope<unknown> => {
      if (path === NOTIFY_PATH) return { status: 0, body: { profiles: [] } };
      if (path !== OAUTH2_PATH) return { status: 0, body: getmeas(form) };
      // Codes and refresh tokens end in the number of their user.
      const [userid = ''] = /\d+$/.exec(form.get('code') ?? form.get('refresh_token') ?? '') ?? [];
      const token = `${'t'.repeat(30)}-${userid}`;
      const tokens = { access_token: token, refresh_token: token, token_type: 'Bearer' };
      return { status: 0, body: { userid, ...tokens, scope: 'user.metrics', expires_in: 10_800 } };
    },
  };
};

const FIRST_GROUP = 5_550_000_000;
const EIGHT_HOURS_SECONDS = 28_800;

/** A weigh-in of a Body+: eight measures. */
const groupOf = (grpid: number, date: number): MeasureGroup => ({
  grpid,
  attrib: 0,
  date,
  created: date,
  modified: date,
  category: 1,
  deviceid: 'd',
  hash_deviceid: 'd',
  model: 'Body+',
  modelid: 5,
  comment: null,
  measures: [1, 5, 6, 8, 76, 77, 88, 170].map((type) => ({ value: 68_200 + type, type, unit: -3 })),
});
