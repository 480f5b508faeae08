/** Answers as Withings makes them: compact JSON, its members in this order, slashes escaped. */
import type { Outcome } from '../../src/withings/outcome.ts';
import type { Answer } from '../../src/withings/send.ts';
import type { TokenGrant } from '../../src/withings/token.ts';

export const ACCESS_TOKEN = 'a0c1'.repeat(10);
export const REFRESH_TOKEN = 'b1d2'.repeat(10);
export const NONCE = 'c2e3'.repeat(10);

/** An answer with HTTP status 200, its body written as PHP would. */
export const answer = (json: unknown): Answer => ({
  httpStatus: 200,
  text: JSON.stringify(json).replaceAll('/', '\\/'),
});

export const success = (body: unknown): Answer => answer({ status: 0, body });

export const failure = (status: number, error: string, body: unknown = {}): Answer => answer({ status, body, error });

/** The body after a refresh; after a code exchange `userid` is a string. */
export const tokenBody = {
  userid: 27718374,
  access_token: ACCESS_TOKEN,
  refresh_token: REFRESH_TOKEN,
  scope: 'user.metrics,user.activity',
  expires_in: 10800,
  token_type: 'Bearer',
};

export const without = <Body extends object>(body: Body, name: keyof Body): Partial<Body> => {
  const { [name]: _, ...rest } = body;
  return rest as Partial<Body>;
};

export const measure = { value: 66600, type: 1, unit: -3, algo: 0, fm: 131 };

export const group = {
  grpid: 6_712_345_678,
  attrib: 0,
  date: 1_760_000_000,
  created: 1_760_000_020,
  modified: 1_760_000_040,
  category: 1,
  deviceid: 'd3f4'.repeat(10),
  hash_deviceid: 'd3f4'.repeat(10),
  measures: [measure],
  modelid: 5,
  model: 'Body+',
  comment: null,
};

export const page = {
  updatetime: 1_760_000_100,
  timezone: 'Europe/Berlin',
  measuregrps: [group],
};

/** A grant with its tokens as texts: two secrets look alike to a comparison. */
export const revealed = (outcome: Outcome<TokenGrant>) => {
  if (!outcome.ok) return outcome;
  const { accessToken, refreshToken, ...grant } = outcome.value;
  return { ok: true, value: { ...grant, accessToken: accessToken.reveal(), refreshToken: refreshToken.reveal() } };
};
