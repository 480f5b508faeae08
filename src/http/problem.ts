import type { Failure } from '../domain/failure.ts';
import { preferredType } from './accept.ts';
import type { HttpContext } from './context.ts';
import { withDoctype } from './document.ts';
import { problemPage } from './pages.tsx';
import type { ProblemText } from './problem-format.ts';
import { problemOf } from './problem-text.ts';
import { publicUrl } from './public-url.ts';

/** Answers with a failure, as JSON or, to a browser, as a page. */
export const answerFailure = (c: HttpContext, failure: Failure): Response | Promise<Response> =>
  answerProblem(c, problemOf(failure, publicUrl(c)));

/** Answers with an error in the client's format. */
export const answerProblem = (c: HttpContext, problem: ProblemText): Response | Promise<Response> => {
  const requestId = c.get('requestId');
  c.set('problemCode', problem.code);
  // The route may have set caching headers for its data; they do not apply to an error.
  c.header('Cache-Control', 'no-store');
  c.header('ETag');
  if (problem.retryAfterSeconds !== undefined) c.header('Retry-After', String(problem.retryAfterSeconds));
  if (problem.status === 401) c.header('WWW-Authenticate', 'Bearer realm="mushu"');
  if (acceptsHtml(c)) return c.html(withDoctype(problemPage(problem, requestId)), problem.status);
  return c.body(problemJson(problem, requestId), problem.status, { 'Content-Type': 'application/problem+json' });
};

/** An error in the format of RFC 9457. */
export const problemJson = ({ status, code, title, detail }: ProblemText, requestId: string): string =>
  JSON.stringify({ type: `urn:mushu:problem:${code}`, title, status, detail, code, request_id: requestId });

/** Whether a person's browser asks: it likes a page better than JSON. */
export const acceptsHtml = (c: HttpContext): boolean => preferredType(c.req.header('Accept'), TYPES) === 'text/html';

const TYPES = ['application/problem+json', 'application/json', 'text/html'] as const;
