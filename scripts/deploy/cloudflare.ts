import * as z from 'zod';

import { userError } from '../user-error.ts';
import { jsonIn, type Wrangler } from './wrangler.ts';

/**
 * Cloudflare's API, for one account: what wrangler has no command for, and look-ups that need no process of their own.
 */
export type Cloudflare = ReturnType<typeof cloudflareWith>;

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })),
  result: z.unknown(),
});

const PER_PAGE = 100;

/** Opens the API with wrangler's own credentials, which it asks for at the first call. */
export const cloudflareWith = (wrangler: Wrangler, accountId: string, env: NodeJS.ProcessEnv) => {
  const base = env['CLOUDFLARE_API_BASE_URL'] || 'https://api.cloudflare.com/client/v4';
  let authorization: Promise<Record<string, string>> | undefined;
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    authorization ??= authorizationOf(wrangler, env);
    const what = `${method} ${path} of Cloudflare's API`;
    const response = await fetch(`${base}/accounts/${accountId}${path}`, {
      method,
      headers: { ...(await authorization), 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch(() => {
      throw userError(`${what}: fetch failed.`);
    });
    const answer = envelope.safeParse(await response.json().catch(() => undefined));
    if (!answer.success) throw userError(`${what} answered ${response.status}, and nothing that can be read.`);
    if (answer.data.success) return answer.data.result;
    const errors = answer.data.errors.map(({ code, message }) => `${message} [code: ${code}]`);
    throw userError(`${what} answered ${response.status}: ${errors.join(', ')}`);
  };
  return {
    get: async <Value>(path: string, schema: z.ZodType<Value>): Promise<Value> => schema.parse(await call('GET', path)),
    put: async <Value>(path: string, body: object, schema: z.ZodType<Value>): Promise<Value> =>
      schema.parse(await call('PUT', path, body)),
    delete: async (path: string): Promise<void> => {
      await call('DELETE', path);
    },
    /** All pages of a list. */
    list: async <Value>(path: string, item: z.ZodType<Value>): Promise<Value[]> => {
      const found: Value[] = [];
      for (let page = 1; ; page += 1) {
        const more = z.array(item).parse(await call('GET', `${path}?page=${page}&per_page=${PER_PAGE}`));
        found.push(...more);
        if (more.length < PER_PAGE) return found;
      }
    },
  };
};

const credentials = z.union([z.object({ token: z.string() }), z.object({ key: z.string(), email: z.string() })]);

const authorizationOf = async (wrangler: Wrangler, env: NodeJS.ProcessEnv): Promise<Record<string, string>> => {
  const given = env['CLOUDFLARE_API_TOKEN'];
  const login = given ? { token: given } : credentials.parse(jsonIn(await wrangler(['auth', 'token', '--json'])));
  return 'token' in login
    ? { Authorization: `Bearer ${login.token}` }
    : { 'X-Auth-Key': login.key, 'X-Auth-Email': login.email };
};
