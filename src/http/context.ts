import type { Context } from 'hono';

import type { Deps } from '../broker/deps.ts';

/** What every handler has at hand: the use cases' dependencies, made for this request, and the request's id. */
export type HttpEnv = {
  Bindings: { deps: Deps };
  Variables: {
    requestId: string;
    problemCode: string | undefined;
  };
};

/** What functions that answer need of a request; a route may know more of it, such as who was admitted. */
export type HttpContext = Omit<Context<HttpEnv>, 'get' | 'set' | 'var'> & {
  get: (key: 'requestId') => string;
  set: (key: 'problemCode', value: string) => void;
};
