import type { AccessToken } from '../../../domain/account.ts';
import type { EpochMs } from '../../../domain/time.ts';
import type { FieldErrors } from '../form.ts';
import { Badge } from './badge.tsx';
import { Field, Form, FormToken } from './form.tsx';
import { Ago } from './time.tsx';

type Props = {
  tokens: readonly AccessToken[];
  /** Where the tokens' forms go. */
  path: string;
  formToken: string;
  errors: FieldErrors;
  now: EpochMs;
};

/** The access tokens of an account, without the tokens themselves: a list, a way to revoke, a form to make one. */
export const AccessTokens = (props: Props) => (
  <section aria-labelledby="tokens">
    <h2 id="tokens">Access tokens</h2>
    <p class="lead">
      For the command line and for signing in here. A token opens every app of its account, and ends the sessions that
      it signed in when it is revoked.
    </p>
    {props.tokens.length === 0 ? (
      <div class="empty">
        <p>
          <strong>No tokens yet.</strong> Nobody can sign in to this account before it has one.
        </p>
      </div>
    ) : (
      <TokenTable {...props} />
    )}
    <Form class="inline" action={props.path} token={props.formToken}>
      <Field
        name="name"
        label="Name of a new token"
        error={props.errors['name']}
        maxlength={100}
        autocomplete="off"
        placeholder="my laptop"
        required
      />
      <Days />
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

const Days = () => (
  <div class="field short">
    <label for="days">Good for</label>
    <select id="days" name="expires_in_days">
      {LIFETIMES.map(([days, label]) => (
        <option value={String(days)} selected={days === DEFAULT_DAYS}>
          {label}
        </option>
      ))}
    </select>
  </div>
);

const TokenTable = ({ tokens, path, formToken, now }: Props) => (
  <div class="scroll" role="region" aria-label="Table of access tokens" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Ends in</th>
          <th scope="col">Created</th>
          <th scope="col">Last used</th>
          <th scope="col">Expires</th>
          <th scope="col">
            <span class="hidden">Revoke</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr class={isOver(token, now) ? 'over' : undefined}>
            <th scope="row" id={token.id}>
              {token.name}
            </th>
            <td>
              <code>…{token.hint}</code>
            </td>
            <td>
              <Ago at={token.createdAt} now={now} />
            </td>
            <td>
              <Ago at={token.lastUsedAt} now={now} />
            </td>
            <td>
              <Ago at={token.expiresAt} now={now} />
            </td>
            <td class="end">
              {token.revokedAt === undefined ? (
                <form method="post" action={`${path}/${token.id}/revoke`}>
                  <FormToken token={formToken} />
                  <button class="quiet danger" type="submit" aria-describedby={token.id}>
                    Revoke
                  </button>
                </form>
              ) : (
                <Badge tone="bad">Revoked</Badge>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const isOver = ({ revokedAt, expiresAt }: AccessToken, now: EpochMs): boolean =>
  revokedAt !== undefined || (expiresAt !== undefined && expiresAt <= now);
