import { applyD1Migrations, createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { publishSigningKey } from '../../src/broker/link/signing-key.ts';
import type { Bindings } from '../../src/config.ts';
import { answerAtEdge, type FrontBindings } from '../../src/edge.ts';
import { type Broker, ORIGIN } from './broker.ts';
import { recordAnswer } from './canaries.ts';
import { meterD1 } from './d1-meter.ts';
import { tableNames } from './dump.ts';
import { faultOf } from './reference-check.ts';
import type { TripLog } from './trips.ts';

/**
 * The front of two Workers, before a broker that is the placed one. Its replica is a database of its own, which has of
 * the primary what a test last gave it.
 */
export type Front = Awaited<ReturnType<typeof startFront>>;

let isMigrated = false;

export const startFront = async (broker: Broker, changes: Partial<Bindings> = {}, trips?: TripLog) => {
  if (!isMigrated) await applyD1Migrations(env.REPLICA, env.TEST_MIGRATIONS);
  isMigrated = true;
  const replica = meterD1(env.REPLICA.withSession('first-unconstrained'), trips);
  const sessions: (string | undefined)[] = [];
  const handedOver: Request[] = [];
  /** Whether the second that the front waits for a replica is over at once. */
  let isLate = false;
  const { OPERATOR_TOKEN: _, WITHINGS_CLIENT_SECRET: __, DB: ___, ...ofPlaced } = broker.bindings();
  const bindings = {
    ...ofPlaced,
    // A query past the session would be answered by the primary.
    DB: {
      withSession: (constraint?: string) => {
        sessions.push(constraint);
        return replica.d1;
      },
      // The front calls nothing else of it.
    } as unknown as D1Database,
    PLACED: {
      fetch: async (request: Request) => {
        handedOver.push(request.clone());
        const body = request.body === null ? undefined : await request.text();
        return broker.request(request.url, {
          method: request.method,
          headers: Object.fromEntries(request.headers),
          ...(body !== undefined && { body }),
        });
      },
      // Nor of this.
    } as unknown as Fetcher,
    ...changes,
  };
  const request = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const sent = new Request(new URL(path, ORIGIN), { redirect: 'manual', ...init });
    const context = createExecutionContext();
    const before = handedOver.length;
    const answer = await answerAtEdge(sent, bindings, context, {
      fetch: () => Promise.reject(new Error('the front sends nothing')),
      now: broker.now,
      sleep: async (_ms, work) => {
        if (!isLate) await work;
      },
      random: (size) => crypto.getRandomValues(new Uint8Array(size)),
      log: (entry) => broker.logs.push(entry),
    });
    await waitOnExecutionContext(context);
    if (handedOver.length === before) {
      await recordAnswer(sent.method, sent.url, answer);
      expect(await faultOf(sent, answer)).toBeUndefined();
    }
    return answer;
  };
  return {
    /** The broker, reached through its front. */
    broker: { ...broker, request },
    request,
    bindings: bindings satisfies FrontBindings,
    replica,
    sessions,
    handedOver,
    /** Gives the replica all that the primary has, and the placed Worker has had a tick. */
    replicate: async (): Promise<void> => {
      expect(await publishSigningKey(await broker.deps())).toMatchObject({ ok: true });
      const names = await tableNames();
      const tables = await env.DB.batch<Record<string, unknown>>(
        names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)),
      );
      const rows = tables.flatMap(({ results }, index) =>
        results.map((row) => {
          const columns = Object.keys(row).map((column) => `"${column}"`);
          const sql = `INSERT INTO "${names[index]}" (${columns.join()}) VALUES (${columns.map(() => '?').join()})`;
          return env.REPLICA.prepare(sql).bind(...Object.values(row));
        }),
      );
      await env.REPLICA.batch([...names.map((name) => env.REPLICA.prepare(`DELETE FROM "${name}"`)), ...rows]);
    },
    /** Whether the replica takes too long from now on. */
    beLate: (late: boolean): void => {
      isLate = late;
    },
  };
};

/** Revokes all keys of an app, through the placed Worker alone or through its front. */
export const revokeKeys = async (
  { request, operatorToken }: Pick<Broker, 'request' | 'operatorToken'>,
  app: { id: string },
): Promise<void> => {
  const headers = { Authorization: `Bearer ${operatorToken}` };
  const listed = await (await request(`/apps/${app.id}/keys`, { headers })).json<{ data: { id: string }[] }>();
  for (const { id } of listed.data) await request(`/apps/${app.id}/keys/${id}`, { method: 'DELETE', headers });
};
