import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

import type { Session } from '../../broker/access/dashboard-session.ts';
import { head, withDoctype } from '../document.ts';
import { FormToken } from './components/form.tsx';
import type { DashboardContext } from './context.ts';
import { takeNotice } from './flash.ts';

/** The frame of every page: head, skip link, notice and navigation. */
const Frame = ({ title, header, children }: { title: string; header?: Child; children: Child }) => (
  <html lang="en">
    <head>
      {head(title)}
      <link rel="stylesheet" href="/assets/dashboard.css" />
      <script src="/assets/dashboard.js" defer />
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to content
      </a>
      {header}
      {children}
    </body>
  </html>
);

type Section = 'apps' | 'developers' | 'broker' | 'audit' | 'account';

const SECTIONS: { section: Section; label: string; path: string; operatorOnly: boolean }[] = [
  { section: 'apps', label: 'Apps', path: '/dashboard/apps', operatorOnly: false },
  { section: 'developers', label: 'Developers', path: '/dashboard/developers', operatorOnly: true },
  { section: 'broker', label: 'Broker', path: '/dashboard/broker', operatorOnly: true },
  { section: 'audit', label: 'Audit', path: '/dashboard/audit', operatorOnly: false },
  { section: 'account', label: 'Account', path: '/dashboard/account', operatorOnly: false },
];

const Header = ({ session, section, formToken }: { session: Session; section: Section; formToken: string }) => (
  <header class="top">
    <div class="bar">
      <a class="brand" href="/dashboard/apps">
        <span class="mark" aria-hidden="true" />
        Mushu Health
      </a>
      <nav aria-label="Main">
        {SECTIONS.filter(({ operatorOnly }) => !operatorOnly || session.account === undefined).map((one) => (
          <a href={one.path} aria-current={one.section === section ? 'true' : undefined}>
            {one.label}
          </a>
        ))}
      </nav>
      <span class="who">
        <a href="/docs">Docs</a>
        <a href="/dashboard/account">
          <span class="hidden">Signed in as </span>
          {session.account?.name ?? 'Operator'}
        </a>
      </span>
      <form method="post" action="/dashboard/sign-out">
        <FormToken token={formToken} />
        <button class="quiet" type="submit">
          Sign out
        </button>
      </form>
    </div>
  </header>
);

/** Answers with a page for a signed-in person. */
export const page = (
  c: DashboardContext,
  { title, section, status = 200 }: { title: string; section: Section; status?: ContentfulStatusCode },
  content: Child,
): Response | Promise<Response> => {
  const notice = takeNotice(c);
  return c.html(
    withDoctype(
      <Frame
        title={`${title} · Mushu Health`}
        header={<Header session={c.get('session')} section={section} formToken={c.get('formToken')} />}
      >
        <main id="main" tabindex={-1}>
          {notice && (
            <p class="notice" role="status">
              {notice}
            </p>
          )}
          {content}
        </main>
      </Frame>,
    ),
    status,
  );
};

/** Answers with a page for a person who is not signed in. */
export const publicPage = (
  c: DashboardContext,
  { title, status = 200 }: { title: string; status?: ContentfulStatusCode },
  content: Child,
): Response | Promise<Response> =>
  c.html(
    withDoctype(
      <Frame title={`${title} · Mushu Health`}>
        <main id="main" class="alone" tabindex={-1}>
          {content}
        </main>
      </Frame>,
    ),
    status,
  );
