import { type Actor, type AuditAction, type AuditDetail, OPERATOR, type Surface, USER } from '../../domain/audit.ts';

/** The audit trail in words for people. */

const ACTIONS: Record<AuditAction, string> = {
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
  'webhook.created': 'Webhook added',
  'webhook.changed': 'Webhook changed',
  'webhook.deleted': 'Webhook removed',
  'webhook.secret_rotated': 'Webhook secret rotated',
  'user.disconnected': 'User disconnected',
  'user.withdrawn': 'Access at Withings withdrawn',
  'user.exported': 'User exported',
  'user.erased': 'User erased',
};

const SURFACES: Record<Surface, string> = { api: 'API', cli: 'CLI', dashboard: 'Dashboard', cron: 'Cron' };

/** The words for a word of the code; that of another version stands for itself. */
const wordsFor = (words: Record<string, string>, code: string): string => words[code] ?? code;

export const actionWords = (action: string): string => wordsFor(ACTIONS, action);

export const surfaceWords = (surface: string): string => wordsFor(SURFACES, surface);

/** The actor: the operator, the user themselves, the reader's own account by name, anything else by id. */
export const actorWords = ({ id }: Pick<Actor, 'id'>, reader: { id: string; name: string } | undefined): string => {
  if (id === OPERATOR) return 'Operator';
  if (id === USER) return 'The user';
  return id === reader?.id ? reader.name : id;
};

/** The new values, such as "link policy: confirm"; empty if there are none. */
export const detailWords = (detail: AuditDetail): string =>
  Object.entries(detail)
    .map(([name, value]) => `${wordsOf(name)}: ${valueWords(value)}`)
    .join(' · ');

/** A name of the code as words: `linkPolicy` and `link_policy` as "link policy". */
const wordsOf = (name: string): string => name.replace(/_|(?=[A-Z])/g, ' ').toLowerCase();

const valueWords = (value: AuditDetail[string]): string => {
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
};
