import type { App } from '../../domain/app.ts';
import type { Failure } from '../../domain/failure.ts';
import { inlineCode } from '../inline-code.tsx';
import type { ProblemText } from '../problem-format.ts';
import { problemOf } from '../problem-text.ts';
import { publicUrl } from '../public-url.ts';
import { appPath } from './components/app-frame.tsx';
import type { DashboardContext } from './context.ts';
import type { FieldErrors } from './form.ts';
import { page, publicPage } from './layout.tsx';

/** Answers with a failure, in the API's words where they fit a person without a key. */
export const answerFailure = (c: DashboardContext, failure: Failure): Response | Promise<Response> => {
  const problem = problemOf(failure, publicUrl(c));
  return answerProblem(c, failure.kind === 'app_not_found' ? { ...problem, detail: NO_APP } : problem);
};

const NO_APP = 'There is no app with this id, or it belongs to another account.';

/** Answers a form that none of our pages sends. */
export const answerBadForm = (c: DashboardContext, errors: FieldErrors): Response | Promise<Response> => {
  const [parameter, detail] = Object.entries(errors)[0] ?? ['', ''];
  return answerFailure(c, { kind: 'invalid_parameter', parameter: parameter || 'form', detail });
};

/** The content of an error page. Forms have errors that the API does not have. */
type PageProblem = Omit<ProblemText, 'code'> & { code: ProblemText['code'] | 'foreign_form' | 'cookie_refused' };

/** Answers with an error page that has a link to the page above. */
export const answerProblem = (c: DashboardContext, problem: PageProblem): Response | Promise<Response> => {
  const { title, status, detail, code, retryAfterSeconds } = problem;
  c.set('problemCode', code);
  if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds));
  const above = pageAbove(c);
  const content = (
    <section class="card">
      <h1>{title}</h1>
      <p>{inlineCode(detail)}</p>
      <p class="meta">
        Code <code>{code}</code>, request <code>{c.get('requestId')}</code>
      </p>
      <p>
        <a href={above.path}>Go to {above.label}</a>
      </p>
    </section>
  );
  // Without a session there is no frame for the page.
  const isSignedIn = (c.get('session') as unknown) !== undefined;
  return isSignedIn ? page(c, { title, section: 'apps', status }, content) : publicPage(c, { title, status }, content);
};

const APPS = { path: '/dashboard/apps', label: 'your apps' };

/** Pages below which others are, by the name in the path. */
const LISTS: Partial<Record<string, string>> = { users: 'the users', webhooks: 'the webhooks' };

/** The nearest page above the one that was asked for: of what is there, and may be seen. */
const pageAbove = (c: DashboardContext): { path: string; label: string } => {
  const app = c.get('app') as App | undefined;
  if (app === undefined) return APPS;
  const [section = '', ...below] = c.req.path.slice(`${appPath(app)}/`.length).split('/');
  const list = LISTS[section];
  return list === undefined || below.length === 0
    ? { path: appPath(app), label: `the app ${app.name}` }
    : { path: `${appPath(app)}/${section}`, label: `${list} of ${app.name}` };
};
