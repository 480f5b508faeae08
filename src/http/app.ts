import { getPath } from 'hono/utils/url';

import type { HttpEnv } from './context.ts';
import { data } from './parts/data.ts';
import { links } from './parts/links.ts';
import { management } from './parts/management.ts';
import { pages } from './parts/pages.ts';
import type { Part } from './parts/part.ts';

const LINKS = /^\/(withings\/callback$|apps\/[^/]+\/withings\/(auth$|status\/))/;
const PAGES = /^\/dashboard(\/|$)/;
const DATA = /^\/(withings\/notify\/|apps\/[^/]+\/(withings\/|(metrics|changes|users|events)(\/|$)))/;

/**
 * The part of the broker's routes that a path belongs to, whatever the method. A router is built at its first request
 * (that of links before), and one of all routes takes a new isolate longer than `auth` does. The platform answers
 * `/docs`, `/openapi.json` and `/assets`.
 */
export const partOf = (path: string): Part => {
  if (LINKS.test(path)) return links;
  if (PAGES.test(path)) return pages;
  return DATA.test(path) ? data : management;
};

export const http = {
  /** Answers a request. */
  fetch: (
    request: Request,
    bindings: HttpEnv['Bindings'],
    context?: Parameters<Part['fetch']>[2],
  ): Response | Promise<Response> => partOf(getPath(request)).fetch(request, bindings, context),
};
