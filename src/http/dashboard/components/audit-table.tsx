import type { AuditDetail, StoredAuditEntry } from '../../../domain/audit.ts';
import { actionWords, actorWords, detailWords, surfaceWords } from '../audit-words.ts';
import { Table } from './table.tsx';
import { Moment } from './time.tsx';

type Props = {
  entries: readonly StoredAuditEntry[];
  /** The reader's account; undefined for the operator. */
  reader: { id: string; name: string } | undefined;
  /** Whether to name the app of each. */
  ofAllApps?: boolean;
};

/** Entries of the audit trail. The subject is shown as text, never as a link. */
export const AuditTable = ({ entries, reader, ofAllApps = false }: Props) => (
  <Table
    label="Changes"
    columns={['What', 'Of', 'Who', 'Through', 'When']}
    rows={entries.map((entry) => ({
      cells: [
        <>
          {actionWords(entry.action)}
          <span class="detail">
            {detailWords(entry.accountId === undefined ? entry.detail : withoutAccount(entry.detail))}
          </span>
        </>,
        <>
          <code>{entry.subject}</code>
          {ofAllApps && <Of entry={entry} />}
        </>,
        <Who entry={entry} reader={reader} />,
        surfaceWords(entry.actor.surface),
        <Moment at={entry.at} />,
      ],
    }))}
  />
);

/** The app or account that the entry concerns, if it is not the subject. */
const Of = ({ entry: { appId, accountId, subject } }: { entry: StoredAuditEntry }) => {
  const whole = appId ?? accountId;
  return whole === undefined || whole === subject ? null : (
    <span class="detail">
      of <code>{whole}</code>
    </span>
  );
};

/** Without the account's id, which the entry shows. */
const withoutAccount = (detail: AuditDetail): AuditDetail => {
  const { accountId: _, ...rest } = detail;
  return rest;
};

const Who = ({ entry: { actor }, reader }: { entry: StoredAuditEntry; reader: Props['reader'] }) => {
  const words = actorWords(actor, reader);
  return (
    <>
      {words === actor.id ? <code>{words}</code> : words}
      {actor.tokenId !== undefined && (
        <span class="detail">
          by <code>{actor.tokenId}</code>
        </span>
      )}
    </>
  );
};
