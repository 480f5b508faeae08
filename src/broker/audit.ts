import { mintId } from '../crypto/credential.ts';
import type { AppId } from '../domain/app-id.ts';
import type { Actor, AuditAction, AuditDetail, AuditEntry, StoredAuditEntry } from '../domain/audit.ts';
import type { Failure } from '../domain/failure.ts';
import { ok, type Result } from '../domain/result.ts';
import { auditEntriesBefore, type AuditPosition, auditStatement } from '../store/apps/audit.ts';
import type { Deps } from './deps.ts';

/** The statement that writes an audit entry. `store/apps/audit.ts` says where it belongs in a batch. */
export const auditStatementFor = (
  deps: Pick<Deps, 'db' | 'now' | 'random'>,
  actor: Actor,
  change: {
    action: AuditAction;
    appId?: AppId;
    accountId?: string;
    subject: string;
    detail?: AuditDetail;
    always?: boolean;
    /** The name in `detail` of the number of rows that the statement before it changed. */
    changesAs?: string;
    /** For an entry that is written once however often it is requested; otherwise the id is random. */
    id?: string;
  },
): D1PreparedStatement => {
  const { action, appId, accountId, subject, detail = {}, always = false, changesAs } = change;
  const { id = mintId('audit', deps.random) } = change;
  const entry: AuditEntry = { id, at: deps.now(), actor, action, appId, accountId, subject, detail };
  return auditStatement(deps.db, entry, { always, changesAs });
};

const ENTRIES_PER_PAGE = 50;

/** A page of the audit trail, newest first: of one app or account, or of everything. */
export const listAudit = async (
  deps: Deps,
  of: string | undefined,
  before: AuditPosition | undefined,
): Promise<Result<{ entries: StoredAuditEntry[]; next: AuditPosition | undefined }, Failure>> => {
  const found = await auditEntriesBefore(deps.db, of, before, ENTRIES_PER_PAGE + 1);
  if (!found.ok) return found;
  const entries = found.value.slice(0, ENTRIES_PER_PAGE);
  return ok({ entries, next: found.value.length > ENTRIES_PER_PAGE ? entries.at(-1) : undefined });
};
