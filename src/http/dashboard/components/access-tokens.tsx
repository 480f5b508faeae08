import { type AccessToken, isTokenOver } from '../../../domain/account.ts';
import type { CredentialPage } from '../../../domain/credential-list.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { credentialCursor } from '../../api/cursors/credential-cursor.ts';
import type { RefusedForm } from '../form.ts';
import { Badge } from './badge.tsx';
import { Confirm } from './confirm.tsx';
import { Form, NameField } from './form.tsx';
import { More } from './more.tsx';
import { Table } from './table.tsx';
import { Ago } from './time.tsx';

/** The page that the path's tokens stand on, further down its list. */
const nextPage = ({ tokens: { next }, path }: Props): string | undefined =>
  next && `${path.replace(/\/tokens$/, '')}?after=${credentialCursor.encode(next)}`;

type Props = {
  tokens: CredentialPage<AccessToken>;
  /** The path of the tokens' forms. */
  path: string;
  formToken: string;
  refused: RefusedForm | undefined;
  now: EpochMs;
};

/** An account's access tokens: a list, a form to revoke each, and a form to create one. */
export const AccessTokens = (props: Props) => (
  <section aria-labelledby="tokens">
    <h2 id="tokens">Access tokens</h2>
    <p class="lead">
      For the command line and for signing in here. A token opens every app of its account, and ends the sessions that
      it signed in when it is revoked.
    </p>
    {props.tokens.credentials.length === 0 ? (
      <div class="empty">
        <p>
          <strong>No tokens yet.</strong> The account needs one to sign in.
        </p>
      </div>
    ) : (
      <TokenTable {...props} />
    )}
    <More next={nextPage(props)} />
    <Form class="inline" action={props.path} token={props.formToken}>
      <NameField label="Name of a new token" placeholder="my laptop" refused={props.refused} />
      <Days chosen={Number(props.refused?.typed.get('expires_in_days') ?? DEFAULT_DAYS)} />
      <button type="submit">Create token</button>
    </Form>
  </section>
);

const LIFETIMES: readonly [number, string][] = [
  [7, '1 week'],
  [30, '30 days'],
  [90, '90 days'],
  [366, '1 year'],
];

const DEFAULT_DAYS = 90;

const Days = ({ chosen }: { chosen: number }) => (
  <div class="field short">
    <label for="days">Good for</label>
    <select id="days" name="expires_in_days">
      {LIFETIMES.map(([days, label]) => (
        <option value={String(days)} selected={days === chosen}>
          {label}
        </option>
      ))}
    </select>
  </div>
);

const TokenTable = ({ tokens, path, formToken, now }: Props) => (
  <Table
    label="Access tokens"
    columns={['Name', 'Ends in', 'Created', 'Last used', 'Expires', { label: 'Revoke', kind: 'actions' }]}
    rows={tokens.credentials.map((token) => ({
      isOver: isTokenOver(token, now),
      cells: [
        token.name,
        <code>…{token.hint}</code>,
        <Ago at={token.createdAt} now={now} />,
        <Ago at={token.lastUsedAt} now={now} />,
        <Ago at={token.expiresAt} now={now} />,
        token.revokedAt === undefined ? (
          <Revoke token={token} path={path} formToken={formToken} />
        ) : (
          <Badge tone="bad">Revoked</Badge>
        ),
      ],
    }))}
  />
);

const Revoke = ({
  token: { id, name },
  path,
  formToken,
}: { token: AccessToken } & Pick<Props, 'path' | 'formToken'>) => (
  <Confirm
    id={`revoke-${id}`}
    ask="Revoke"
    title={`Revoke the token “${name}”?`}
    action="Revoke token"
    path={`${path}/${id}/revoke`}
    formToken={formToken}
  >
    It is refused from the next request on, and its dashboard sessions end. This cannot be undone.
  </Confirm>
);
