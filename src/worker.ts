import { env } from 'cloudflare:workers';

import type { Deps } from './broker/deps.ts';
import { alarmIfDatabaseFails } from './broker/operator/alarm-at-once.ts';
import { noteRowsUsed } from './broker/operator/note-rows.ts';
import { noticeLateCron } from './broker/operator/readiness.ts';
import { compose, configOf } from './compose.ts';
import type { Bindings } from './config.ts';
import { tick } from './cron.ts';
import { answerAtEdge, isFront } from './edge.ts';
import { http } from './http/app.ts';
import { problemJson } from './http/problem.ts';
import { requestIdOf } from './http/request-log.ts';
import { REQUEST_PROBLEMS } from './http/request-problems.ts';
import { HEADERS } from './http/security-headers.ts';

// Cloudflare evaluates this module ahead of the first request, which finds the settings parsed. After an exception the
// request parses them: here it would stop the Worker.
await configOf(env as Bindings).catch(() => undefined);

/** The Worker's two entrances: requests, and the clock. */
export default {
  fetch: async (request, bindings, context) => {
    if (isFront(bindings)) return answerAtEdge(request, bindings, context);
    const deps = await compose(bindings, (work) => context.waitUntil(work));
    if (!deps.ok) return misconfigured(request, deps.failure);
    const answer = await http.fetch(request, { deps: deps.value }, context);
    if (!deps.value.settings.isPaused) context.waitUntil(watch(deps.value));
    return answer;
  },

  scheduled: async (_event, bindings, context) => {
    const deps = await compose(bindings, (work) => context.waitUntil(work));
    if (!deps.ok) throw new Error(`Broker misconfigured: ${deps.failure}`);
    const { settings, log } = deps.value;
    if (settings.isPaused) return log({ level: 'warn', event: 'tick', outcome: 'paused' });
    await tick(deps.value);
    await noteRowsUsed(deps.value);
  },
} satisfies ExportedHandler<Bindings>;

/**
 * Checks what the cron cannot report: that D1 fails, and that the cron itself has stopped. Notes the rows that were
 * used.
 */
const watch = async (deps: Deps): Promise<void> => {
  await alarmIfDatabaseFails(deps);
  await noticeLateCron(deps);
  await noteRowsUsed(deps);
};

/** What is wrong is for the operator's log; a stranger learns only that something is. */
const misconfigured = (request: Request, reason: string): Response => {
  const requestId = requestIdOf(request);
  // oxlint-disable-next-line no-console -- without a configuration there is no log but the platform's
  console.error(JSON.stringify({ level: 'error', event: 'alarm', outcome: 'bad_environment', requestId, reason }));
  const { badEnvironment } = REQUEST_PROBLEMS;
  return new Response(problemJson(badEnvironment, requestId), {
    status: badEnvironment.status,
    headers: { ...HEADERS, 'Content-Type': 'application/problem+json', 'X-Request-Id': requestId },
  });
};
