import type { Context } from 'hono';

import type { Deps } from '../broker/deps.ts';

/**
 * The variables of every handler. The Worker passes the dependencies of use cases as `Bindings`; handlers read them
 * from the variables, where they log with the request's id.
 */
export type HttpEnv = {
  Bindings: { readonly deps: Deps };
  Variables: {
    deps: Deps;
    requestId: string;
    problemCode: string | undefined;
  };
};

/** The context of functions that answer; a route's own context may have more variables. */
export type HttpContext = Omit<Context<HttpEnv>, 'env' | 'get' | 'set' | 'var'> & {
  get: { (key: 'deps'): Deps; (key: 'requestId'): string };
  set: (key: 'problemCode', value: string) => void;
};
