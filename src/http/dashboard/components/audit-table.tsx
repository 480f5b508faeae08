import { type AuditAction, type AuditDetail, type AuditEntry, OPERATOR } from '../../../domain/audit.ts';
import { Moment } from './time.tsx';

const ACTIONS: Partial<Record<AuditAction, string>> = {
  'account.created': 'Account created',
  'account.changed': 'Account changed',
  'access_token.created': 'Access token created',
  'access_token.revoked': 'Access token revoked',
  'app.created': 'App created',
  'app.changed': 'App changed',
  'app.deleted': 'App deleted',
  'api_key.created': 'API key created',
  'api_key.revoked': 'API key revoked',
  'redirect_uri.added': 'Redirect URI added',
  'redirect_uri.removed': 'Redirect URI removed',
  'user.disconnected': 'User disconnected',
  'user.exported': 'User exported',
  'user.erased': 'User erased',
};

/** Entries of the audit trail. What was changed is shown as text, never as a link. */
export const AuditTable = ({ entries }: { entries: readonly AuditEntry[] }) => (
  <div class="scroll" role="region" aria-label="Table of changes" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">Through</th>
          <th scope="col">What</th>
          <th scope="col">To what</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(({ at, actor, action, subject, detail }) => (
          <tr>
            <td>
              <Moment at={at} />
            </td>
            <td>{actor.id === OPERATOR ? 'Operator' : <code>{actor.id}</code>}</td>
            <td>{actor.surface}</td>
            <th scope="row">{ACTIONS[action] ?? action}</th>
            <td>
              <code class="small">{subject}</code>
              <Detail detail={detail} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const Detail = ({ detail }: { detail: AuditDetail }) => {
  const said = Object.entries(detail).map(
    ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`,
  );
  return said.length === 0 ? null : <p class="meta">{said.join(' · ')}</p>;
};
