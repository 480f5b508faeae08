import type { Failure } from '../../domain/failure.ts';
import { inlineCode } from '../inline-code.tsx';
import type { ProblemText } from '../problem-format.ts';
import { problemOf } from '../problem-text.ts';
import { publicUrl } from '../public-url.ts';
import type { DashboardContext } from './context.ts';
import type { FieldErrors } from './form.ts';
import { page, publicPage } from './layout.tsx';

/** Answers with a failure, in the API's words. */
export const answerFailure = (c: DashboardContext, failure: Failure): Response | Promise<Response> =>
  answerProblem(c, problemOf(failure, publicUrl(c)));

/** Answers a form that none of our pages sends. */
export const answerBadForm = (c: DashboardContext, errors: FieldErrors): Response | Promise<Response> => {
  const [parameter, detail] = Object.entries(errors)[0] ?? ['', ''];
  return answerFailure(c, { kind: 'invalid_parameter', parameter: parameter || 'form', detail });
};

/** The content of an error page. Forms have errors that the API does not have. */
type PageProblem = Omit<ProblemText, 'code'> & { code: ProblemText['code'] | 'foreign_form' | 'cookie_refused' };

/** Answers with an error page that has a link back. */
export const answerProblem = (c: DashboardContext, problem: PageProblem): Response | Promise<Response> => {
  const { title, status, detail, code, retryAfterSeconds } = problem;
  c.set('problemCode', code);
  if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds));
  const content = (
    <section class="card">
      <h1>{title}</h1>
      <p>{inlineCode(detail)}</p>
      <p class="meta">
        Code <code>{code}</code>, request <code>{c.get('requestId')}</code>
      </p>
      <p>
        <a href="/dashboard/apps">Go to your apps</a>
      </p>
    </section>
  );
  // Without a session there is no frame for the page.
  const isSignedIn = (c.get('session') as unknown) !== undefined;
  return isSignedIn ? page(c, { title, section: 'apps', status }, content) : publicPage(c, { title, status }, content);
};
