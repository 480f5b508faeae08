import { Hono } from 'hono';
import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as z from 'zod';

import { listRedirectUris, registerRedirectUri, unregisterRedirectUri } from '../../../broker/apps/manage-apps.ts';
import { testRedirectUri } from '../../../broker/link/test-redirect-uri.ts';
import type { AppSettings } from '../../../domain/app.ts';
import type { Failure } from '../../../domain/failure.ts';
import { MAX_REDIRECT_URI_LENGTH } from '../../../domain/redirect-uri/syntax.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { historyOnConnect, linkPolicy } from '../../api/apps/contract.ts';
import { redirectUriText } from '../../api/schemas.ts';
import { problemOf } from '../../problem-text.ts';
import { ownHosts, publicUrl } from '../../public-url.ts';
import { changeApp, versionField } from '../change-app.tsx';
import { appPage, appPath } from '../components/app-frame.tsx';
import { CommandLine } from '../components/command-line.tsx';
import { LinkSettings } from '../components/link-settings.tsx';
import { endingOf, type RefusedUri, RedirectUris, TRY_IT_USER } from '../components/redirect-uris.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { Snippets } from '../components/snippets.tsx';
import { type TestedUri, TestUri } from '../components/test-uri.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerBadForm, answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import { checkbox, parseForm, readForm } from '../form.ts';
import { linkFor } from '../link-for.ts';
import type { Notice } from '../notice.ts';
import { snippetsFor } from '../snippets/snippets.ts';

/** An app's Health tab: redirect URIs, link settings, and code that starts a link. */
export const healthPages = new Hono<DashboardEnv>();

const uriForm = z.strictObject({ uri: redirectUriText });
const policyForm = z.strictObject({
  link_policy: linkPolicy,
  // Absent from a form of an earlier release: then it stays.
  history_on_connect: historyOnConnect.optional(),
  refuse_shared_accounts: checkbox,
  allow_loopback: checkbox,
  demo_account: checkbox,
});

healthPages.get('/', (c) => urisPage(c, undefined));
healthPages.get('/policy', (c) => policyPage(c));
healthPages.get('/code', (c) => codePage(c));

healthPages.post('/redirect-uris', async (c) => {
  const wanted = await parseForm(c, uriForm);
  if (!wanted.ok) {
    const typed = (await readForm(c)).get('uri') ?? '';
    return urisPage(c, {
      uri: typed,
      why: `A redirect URI has 1 to ${MAX_REDIRECT_URI_LENGTH} characters.`,
      isLoopback: false,
    });
  }
  const { uri } = wanted.value;
  const registered = await registerRedirectUri(c.get('deps'), c.get('managed'), {
    uri,
    ownHosts: ownHosts(c),
  });
  if (registered.ok) {
    return backTo(c, registered.value.added ? 'redirect_uri_added' : 'redirect_uri_present');
  }
  const { failure } = registered;
  if (failure.kind !== 'redirect_uri_not_registrable' && failure.kind !== 'too_many_redirect_uris') {
    return answerFailure(c, failure);
  }
  const isLoopback =
    failure.kind === 'redirect_uri_not_registrable' && failure.refusal.reason === 'loopback_not_allowed';
  return urisPage(c, { uri, why: problemOf(failure, publicUrl(c)).detail, isLoopback });
});

healthPages.post('/redirect-uris/remove', async (c) => {
  const wanted = await parseForm(c, uriForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  const removed = await unregisterRedirectUri(c.get('deps'), c.get('managed'), wanted.value.uri);
  // Removing it again is not an error.
  if (!removed.ok && removed.failure.kind !== 'not_found') return answerFailure(c, removed.failure);
  return backTo(c, 'redirect_uri_removed');
});

healthPages.post('/link-policy', async (c) => {
  const wanted = await parseForm(c, policyForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  const settings: AppSettings = {
    linkPolicy: wanted.value.link_policy,
    historyOnConnect: wanted.value.history_on_connect,
    sharedAccounts: wanted.value.refuse_shared_accounts === 'true' ? 'refuse' : 'allow',
    allowLoopback: wanted.value.allow_loopback === 'true',
    demoAccount: wanted.value.demo_account === 'true',
  };
  return changeApp(c, settings, { tab: 'health', path: '/health/policy', notice: 'link_policy_changed' });
});

/**
 * Makes a single-use test link. The page after it shows the link, because a form's answer may not redirect to another
 * site (CSP `form-action`).
 */
healthPages.post('/try', async (c) => {
  const wanted = await parseForm(c, uriForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  const { uri: redirectUri } = wanted.value;
  const link = await linkFor(c, { userId: TRY_IT_USER, redirectUri }, endingOf(redirectUri));
  if (!link.ok) return answerFailure(c, link.failure);
  return redirectShowing(c, `${appPath(c.get('app'))}/health`, { kind: 'test_link', secret: link.value });
});

const backTo = (c: DashboardContext, notice: Notice): Response =>
  redirectWithNotice(c, `${appPath(c.get('app'))}/health`, notice);

const testOf = async (c: DashboardContext): Promise<Result<TestedUri | undefined, Failure>> => {
  const uri = (c.req.query('test') ?? '').slice(0, MAX_URI_LENGTH);
  if (uri === '') return ok(undefined);
  const tested = await testRedirectUri(c.get('deps'), c.get('managed'), uri);
  return tested.ok ? ok({ ...tested.value, uri }) : tested;
};

const MAX_URI_LENGTH = 2048;

const urisPage = async (c: DashboardContext, refused: RefusedUri | undefined): Promise<Response> => {
  const app = c.get('app');
  const listed = await listRedirectUris(c.get('deps'), c.get('managed'));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const tested = await testOf(c);
  if (!tested.ok) return answerFailure(c, tested.failure);
  const uris = listed.value;
  const shown = await takeShown(c);
  return healthPage(
    c,
    { part: 'uris', status: refused === undefined ? 200 : 422 },
    <>
      {shown && <ShownOnce {...shown} />}
      <RedirectUris app={app} uris={uris} formToken={c.get('formToken')} refused={refused} />
      {uris.length > 0 && <TestUri app={app} tested={tested.value} />}
    </>,
  );
};

const policyPage = async (c: DashboardContext): Promise<Response> => {
  const app = c.get('app');
  const version = await versionField(app);
  return healthPage(c, { part: 'policy' }, <LinkSettings app={app} formToken={c.get('formToken')} version={version} />);
};

const codePage = async (c: DashboardContext): Promise<Response> => {
  const { id: appId, linkPolicy } = c.get('app');
  const listed = await listRedirectUris(c.get('deps'), c.get('managed'));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const uris = listed.value.map(({ uri }) => uri);
  return healthPage(
    c,
    { part: 'code' },
    <>
      <CommandLine origin={publicUrl(c)} appId={appId} />
      <Snippets snippets={snippetsFor({ origin: publicUrl(c), appId, uris, linkPolicy })} />
    </>,
  );
};

const PARTS = {
  uris: { label: 'Redirect URIs', path: '' },
  policy: { label: 'Link policy', path: '/policy' },
  code: { label: 'Code to paste', path: '/code' },
};

/** One part of the tab, with links to the others. */
const healthPage = (
  c: DashboardContext,
  { part, status = 200 }: { part: keyof typeof PARTS; status?: ContentfulStatusCode },
  content: Child,
): Response | Promise<Response> =>
  appPage(
    c,
    { tab: 'health', status },
    <>
      <nav class="ranges" aria-label="Parts of Health">
        {Object.entries(PARTS).map(([name, { label, path }]) => (
          <a href={`${appPath(c.get('app'))}/health${path}`} aria-current={name === part ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
      {content}
    </>,
  );
