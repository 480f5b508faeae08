import { APP, READ_USER, REDIRECT_URI, userOf } from './marks.ts';

/** What is measured. */
export type Route = 'auth' | 'callback' | 'status' | 'metrics' | 'sync';

/** Sends a request ahead of the measured one, as the user's browser would. */
type Before = (path: string, headers: Record<string, string>) => Promise<{ location: string; cookie: string }>;

type RouteOf = {
  name: string;
  method: 'GET' | 'POST';
  /** The path of the request about the user of a number. */
  path: (id: number) => string;
  status: number;
  /** The least share of the floor's requests a second. */
  atLeast: number | undefined;
  /** Where each request needs one before it: sends that, unmeasured, and says what follows from it. */
  prepare?: (id: number, before: Before) => Promise<{ path: string; headers: Record<string, string> }>;
};

const authPath = (id: number): string =>
  `/apps/${APP}/withings/auth?user_id=${userOf(id)}&redirect_uri=${encodeURIComponent(REDIRECT_URI)}`;

export const ROUTES: Record<Route, RouteOf> = {
  auth: { name: '`auth`', method: 'GET', path: authPath, status: 302, atLeast: 0.8 },
  callback: {
    name: '`callback`',
    method: 'GET',
    path: () => '/withings/callback',
    status: 302,
    atLeast: undefined,
    prepare: async (id, before) => {
      const { location, cookie } = await before(authPath(id), {});
      const state = new URL(location).searchParams.get('state') ?? '';
      const query = new URLSearchParams({ code: `code-${id}`, state });
      return { path: `/withings/callback?${query.toString()}`, headers: { Cookie: cookie.split(';')[0] ?? '' } };
    },
  },
  status: {
    name: '`status`',
    method: 'GET',
    path: () => `/apps/${APP}/withings/status/${READ_USER}`,
    status: 200,
    atLeast: 0.8,
  },
  metrics: {
    name: 'metrics page of 100',
    method: 'GET',
    path: () => `/apps/${APP}/metrics/${READ_USER}?metric=weight&limit=100`,
    status: 200,
    atLeast: 0.7,
  },
  sync: {
    name: 'sync of a weigh-in',
    method: 'POST',
    path: (id) => `/apps/${APP}/withings/sync/${userOf(id)}`,
    status: 200,
    atLeast: undefined,
  },
};

export const ALL_ROUTES: readonly Route[] = ['auth', 'callback', 'status', 'metrics', 'sync'];
