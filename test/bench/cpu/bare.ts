import type { Operation } from './stand-ins.ts';

/**
 * The bare Worker: makes the calls that the broker was seen to make in an invocation, one after another, reads the
 * answers, and answers as many bytes. Its invocations take the recorded ones by turns.
 */
type BareBindings = { DB: D1Database; LINKS: KVNamespace; WITHINGS: string; RECORDINGS: string };
export type Recording = { operations: Operation[]; status: number; bodyBytes: number };

let recordings: Recording[] | undefined;

const run = async (bindings: BareBindings): Promise<Recording> => {
  recordings ??= JSON.parse(bindings.RECORDINGS) as Recording[];
  const recording = recordings.shift();
  if (recording === undefined) throw new Error('nothing is recorded');
  recordings.push(recording);
  // The broker may have met an error too.
  for (const operation of recording.operations) await make(bindings, operation).catch(() => undefined);
  return recording;
};

const make = async ({ DB, LINKS, WITHINGS }: BareBindings, operation: Operation): Promise<unknown> => {
  if (operation.kind === 'kv_get') return LINKS.get(operation.key);
  if (operation.kind === 'kv_put') return LINKS.put(operation.key, operation.value);
  if (operation.kind === 'fetch') {
    const { path, body, authorization } = operation;
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(authorization !== undefined && { Authorization: authorization }),
    };
    return (await fetch(WITHINGS + path, { method: 'POST', body, headers })).text();
  }
  const statements = operation.statements.map(({ sql, params }) => DB.prepare(sql).bind(...params));
  return operation.isBatch ? DB.batch(statements) : statements[0]?.raw();
};

// oxlint-disable-next-line import/no-default-export -- how a Worker is written
export default {
  fetch: async (_request, bindings) => {
    const { status, bodyBytes } = await run(bindings);
    return new Response(bodyBytes === 0 ? null : 'x'.repeat(bodyBytes), {
      status,
      headers: { 'Content-Type': 'application/json' },
    });
  },
  scheduled: async (_event, bindings) => {
    await run(bindings);
  },
} satisfies ExportedHandler<BareBindings>;
