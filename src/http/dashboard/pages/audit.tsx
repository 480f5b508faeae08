import { Hono } from 'hono';

import { listAudit } from '../../../broker/audit.ts';
import { auditCursor, readAuditCursor } from '../../api/audit-cursor.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { AuditTable } from '../components/audit-table.tsx';
import { More } from '../components/more.tsx';
import type { DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';

/** Who changed what of an app, when and through what. */
export const auditPages = new Hono<DashboardEnv>();

auditPages.get('/', async (c) => {
  const app = c.get('app');
  const listed = await listAudit(c.env.deps, app.id, readAuditCursor(c.req.query('before') ?? ''));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { entries, next } = listed.value;
  return appPage(
    c,
    { tab: 'audit' },
    <section aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      <p class="lead">Every change of who may do what, and every erasure, newest first. Entries are never changed.</p>
      {entries.length === 0 ? (
        <p class="hint">No changes yet.</p>
      ) : (
        <AuditTable entries={entries} reader={c.get('session').account} />
      )}
      <More next={next && `${appPath(app)}/audit?before=${encodeURIComponent(auditCursor(next))}`} label="Show older" />
    </section>,
  );
});
