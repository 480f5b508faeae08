import { type AppUpdate, appVersion, updateApp } from '../../broker/apps/manage-apps.ts';
import { listAudit } from '../../broker/audit.ts';
import type { App } from '../../domain/app.ts';
import type { StoredAuditEntry } from '../../domain/audit.ts';
import { actorWords, detailWords, surfaceWords } from './audit-words.ts';
import { appPage, appPath, type AppTab } from './components/app-frame.tsx';
import { Ago } from './components/time.tsx';
import type { DashboardContext } from './context.ts';
import { answerFailure } from './failure.tsx';
import { redirectWithNotice } from './flash.ts';
import { readForm, VERSION_FIELD } from './form.ts';
import type { Notice } from './notice.ts';

/**
 * Forms that change an app carry the version of the app that their page showed. If two people change one app, the
 * second one gets an error instead of undoing the first change.
 */

/** The hidden field with the version that the page showed. */
export const versionField = async (app: App): Promise<Record<string, string>> => ({
  [VERSION_FIELD]: await appVersion(app),
});

/** Changes the app as the form says and returns to its tab; or reports that the app has changed. */
export const changeApp = async (
  c: DashboardContext,
  settings: AppUpdate,
  { tab, path, notice }: { tab: AppTab; path: string; notice: Notice },
): Promise<Response> => {
  const app = c.get('app');
  const back = `${appPath(app)}${path}`;
  const shown = (await readForm(c)).get(VERSION_FIELD);
  if (shown !== (await appVersion(app))) return changedMeanwhile(c, tab, back);
  const changed = await updateApp(c.get('deps'), c.get('managed'), settings, true);
  if (changed.ok) return redirectWithNotice(c, back, notice);
  return changed.failure.kind === 'app_changed' ? changedMeanwhile(c, tab, back) : answerFailure(c, changed.failure);
};

const changedMeanwhile = async (c: DashboardContext, tab: AppTab, back: string): Promise<Response> => {
  const listed = await listAudit(c.get('deps'), c.get('app').id, undefined);
  const last = listed.ok ? listed.value.entries.find(({ action }) => action === 'app.changed') : undefined;
  return appPage(
    c,
    { tab, status: 412 },
    <section class="card" aria-labelledby="changed">
      <h2 id="changed">The app has changed</h2>
      <p>Nothing was saved, because that would undo the other change.</p>
      {last && <LastChange c={c} entry={last} />}
      <p>
        <a class="button" href={back}>
          Show the app as it is now
        </a>
      </p>
    </section>,
  );
};

const LastChange = ({ c, entry: { actor, at, detail } }: { c: DashboardContext; entry: StoredAuditEntry }) => (
  <p>
    The last change: <strong>{detailWords(detail)}</strong>, by {actorWords(actor, c.get('session').account)} through
    the {surfaceWords(actor.surface)}, <Ago at={at} now={c.get('deps').now()} />.
  </p>
);
