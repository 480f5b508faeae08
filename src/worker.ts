import { compose } from './compose.ts';
import type { Bindings } from './config.ts';
import { tick } from './cron.ts';
import { http } from './http/app.ts';

/** The Worker's two entrances: requests, and the clock. */
export default {
  fetch: async (request, bindings, context) => {
    const deps = await compose(bindings, (work) => context.waitUntil(work));
    if (!deps.ok) return misconfigured(deps.failure);
    return http.fetch(request, { deps: deps.value }, context);
  },

  scheduled: async (_event, bindings, context) => {
    const deps = await compose(bindings, (work) => context.waitUntil(work));
    if (!deps.ok) throw new Error(`Broker misconfigured: ${deps.failure}`);
    await tick(deps.value);
  },
} satisfies ExportedHandler<Bindings>;

/** What is wrong is for the operator's log; a stranger learns only that something is. */
const misconfigured = (reason: string): Response => {
  // oxlint-disable-next-line no-console -- without a configuration there is no log but the platform's
  console.error(JSON.stringify({ level: 'error', event: 'alarm', outcome: 'bad_environment', reason }));
  const problem = {
    type: 'urn:mushu:problem:bad_environment',
    title: 'Broker misconfigured',
    status: 500,
    detail: 'The broker is not set up. Its operator finds the reason in the log.',
    code: 'bad_environment',
  };
  return Response.json(problem, {
    status: 500,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
  });
};
