import { GROUP_MARK, MARK } from './marks.ts';
import type { Operation, Script } from './record.ts';

/**
 * The floor: a bare Worker that does the D1, KV and fetch operations that the broker was seen to do for a request, with
 * other ids, answers as many bytes of what it read, and does nothing else. No validation, no signature, no encryption,
 * no error handling, no log.
 *
 * Paths: `/<route>/<id>/<serial>`, the numbers that stand for `MARK` and `GROUP_MARK`.
 */
type FloorBindings = { DB: D1Database; LINKS: KVNamespace /** JSON, by route. */; SCRIPTS: string };

/** How a recorded text is written for other numbers; found out once. */
type Written = (id: number, serial: number) => string;

const MARKS = new RegExp(`${MARK}|${GROUP_MARK}`);

const written = (text: string): Written => {
  if (!MARKS.test(text)) return () => text;
  return (id, serial) => text.replaceAll(String(MARK), String(id)).replaceAll(String(GROUP_MARK), String(serial));
};

const writtenParam = (param: unknown): ((id: number, serial: number) => unknown) => {
  if (param === MARK) return (id) => id;
  return typeof param === 'string' ? written(param) : () => param;
};

type Step = (bindings: FloorBindings, id: number, serial: number) => Promise<unknown>;

const stepOf = (operation: Operation): Step => {
  if (operation.kind === 'd1') {
    const statements = operation.statements.map(({ sql, params }) => ({ sql, params: params.map(writtenParam) }));
    const bind = ({ DB }: FloorBindings, id: number, serial: number) =>
      statements.map(({ sql, params }) => DB.prepare(sql).bind(...params.map((param) => param(id, serial))));
    if (statements.length > 1) return (bindings, id, serial) => bindings.DB.batch(bind(bindings, id, serial));
    return (bindings, id, serial) => Promise.resolve(bind(bindings, id, serial)[0]?.raw());
  }
  if (operation.kind === 'fetch') {
    const { url, authorization } = operation;
    const [body, bearer] = [written(operation.body), written(authorization ?? '')];
    return async (_, id, serial) => {
      const headers = {
        'Content-Type': 'application/x-www-form-urlencoded',
        ...(authorization !== null && { Authorization: bearer(id, serial) }),
      };
      return (await fetch(url, { method: 'POST', body: body(id, serial), headers })).text();
    };
  }
  const key = written(operation.key);
  if (operation.kind === 'kv_get') return ({ LINKS }, id, serial) => LINKS.get(key(id, serial));
  const { value, ttlSeconds } = operation;
  return ({ LINKS }, id, serial) => LINKS.put(key(id, serial), value, { expirationTtl: ttlSeconds });
};

/** What each route does; made at the first request. */
let routes: Map<string, { script: Script; stages: readonly Step[][]; behind: readonly Step[] }> | undefined;

const routesOf = ({ SCRIPTS }: FloorBindings) => {
  const scripts = JSON.parse(SCRIPTS) as Record<string, Script>;
  return new Map(
    Object.entries(scripts).map(([route, script]) => {
      const [behind = [], ahead = []] = [true, false].map((isBehind) =>
        script.operations.filter((operation) => operation.isBehind === isBehind),
      );
      const stages = [...Map.groupBy(ahead, ({ stage }) => stage).values()].map((stage) => stage.map(stepOf));
      return [route, { script, stages, behind: behind.map(stepOf) }];
    }),
  );
};

const answer = async (request: Request, bindings: FloorBindings, context: ExecutionContext): Promise<Response> => {
  const [, route = '', id = '', serial = ''] = new URL(request.url).pathname.split('/');
  routes ??= routesOf(bindings);
  const known = routes.get(route);
  if (known === undefined) return new Response(null, { status: 404 });
  const { script, stages, behind } = known;
  const run = (steps: readonly Step[]) => Promise.all(steps.map((step) => step(bindings, Number(id), Number(serial))));
  const results: unknown[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other, as the broker did
  for (const stage of stages) results.push(...(await run(stage)));
  if (behind.length > 0) context.waitUntil(run(behind));
  const body =
    script.bodyBytes === 0 ? null : JSON.stringify(results).slice(0, script.bodyBytes).padEnd(script.bodyBytes);
  return new Response(body, {
    status: script.status,
    headers: { 'Content-Type': 'application/json', ...(script.location !== null && { Location: script.location }) },
  });
};

// oxlint-disable-next-line import/no-default-export -- how a Worker is written
export default { fetch: answer };
