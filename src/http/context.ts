import type { Context, Hono } from 'hono';

import type { Deps } from '../broker/deps.ts';
import type { Actor } from '../domain/audit.ts';

/** What every handler has at hand: the use cases' dependencies, made for this request, and the request's id. */
export type HttpEnv = {
  Bindings: { deps: Deps };
  Variables: {
    requestId: string;
    problemCode: string | undefined;
    /** Who is behind a management request; set by the middleware that admits it. */
    actor: Actor;
  };
};

export type HttpContext = Context<HttpEnv>;
export type HttpApp = Hono<HttpEnv>;
