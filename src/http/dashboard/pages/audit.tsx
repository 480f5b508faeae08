import { Hono } from 'hono';
import type { Child } from 'hono/jsx';

import { listAudit } from '../../../broker/audit.ts';
import type { Failure } from '../../../domain/failure.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { auditCursor } from '../../api/apps/contract.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { AuditTable } from '../components/audit-table.tsx';
import { More } from '../components/more.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { page } from '../layout.tsx';

/** An app's audit trail. */
export const appAuditPages = new Hono<DashboardEnv>();

appAuditPages.get('/', async (c) => {
  const app = c.get('app');
  const trail = await readTrail(c, app.id, `${appPath(app)}/audit`);
  if (!trail.ok) return answerFailure(c, trail.failure);
  return appPage(
    c,
    { tab: 'audit' },
    <section aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      <p class="lead">
        Every change of permissions, every disconnect and every erasure, newest first. Entries are never changed.
      </p>
      {trail.value}
    </section>,
  );
});

/** The whole audit trail for the operator; a developer's own account and tokens for a developer. */
export const auditPages = new Hono<DashboardEnv>();

auditPages.get('/', async (c) => {
  const { account } = c.get('session');
  const trail = await readTrail(c, account?.id, '/dashboard/audit');
  if (!trail.ok) return answerFailure(c, trail.failure);
  return page(
    c,
    { title: 'Audit', section: 'audit' },
    <section aria-labelledby="audit">
      <h1 id="audit">Audit</h1>
      <p class="lead">
        {account === undefined
          ? 'Every change of any account and any app, also of deleted ones, newest first.'
          : 'Every change of your account and its access tokens, newest first. Each app’s changes are on its own tab.'}
      </p>
      {trail.value}
    </section>,
  );
});

const readTrail = async (
  c: DashboardContext,
  of: string | undefined,
  path: string,
): Promise<Result<Child, Failure>> => {
  const listed = await listAudit(c.get('deps'), of, auditCursor.safeParse(c.req.query('before')).data);
  if (!listed.ok) return listed;
  const { entries, next } = listed.value;
  return ok(
    <>
      {entries.length === 0 ? (
        <p class="empty">No changes yet.</p>
      ) : (
        <AuditTable entries={entries} reader={c.get('session').account} ofAllApps={of === undefined} />
      )}
      <More next={next && `${path}?before=${encodeURIComponent(auditCursor.encode(next))}`} label="Show older" />
    </>,
  );
};
