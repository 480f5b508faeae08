import { Hono } from 'hono';

import { createAccount, listAccounts } from '../../../broker/apps/manage-accounts.ts';
import type { Account } from '../../../domain/account.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { Badge } from '../components/badge.tsx';
import { Form, NameField } from '../components/form.tsx';
import { More } from '../components/more.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { redirectWithNotice } from '../flash.ts';
import { nameForm, parseForm, readForm, type RefusedForm } from '../form.ts';
import { page } from '../layout.tsx';

/** The operator's list of developer accounts, and the form to create one. */
export const developersPages = new Hono<DashboardEnv>();

const PATH = '/dashboard/developers';

developersPages.get('/', (c) => developersPage(c));

developersPages.post('/', async (c) => {
  const wanted = await parseForm(c, nameForm);
  if (!wanted.ok)
    return developersPage(c, { errors: { name: 'Give it a name of 1 to 100 characters.' }, typed: await readForm(c) });
  const created = await createAccount(c.get('deps'), c.get('manager'), wanted.value);
  if (!created.ok) return answerFailure(c, created.failure);
  return redirectWithNotice(c, `${PATH}/${created.value.id}`, 'account_created');
});

const developersPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const after = c.req.query('after') ?? '';
  const listed = await listAccounts(c.get('deps'), after);
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { accounts, nextAfterId } = listed.value;
  return page(
    c,
    { title: 'Developers', section: 'developers', status: refused === undefined ? 200 : 422 },
    <>
      <h1>Developers</h1>
      {accounts.length === 0 && after === '' ? (
        <div class="empty">
          <p>
            <strong>No developers yet.</strong> An account owns apps and sees only those. Create one, and give its first
            access token to the developer.
          </p>
        </div>
      ) : (
        <AccountList accounts={accounts} now={c.get('deps').now()} />
      )}
      <More next={nextAfterId && `${PATH}?after=${encodeURIComponent(nextAfterId)}`} />
      <section class="card narrow" aria-labelledby="create">
        <h2 id="create">Create an account</h2>
        <Form action={PATH} token={c.get('formToken')}>
          <NameField hint="A person or a team." refused={refused} />
          <button type="submit">Create account</button>
        </Form>
      </section>
    </>,
  );
};

const AccountList = ({ accounts, now }: { accounts: readonly Account[]; now: EpochMs }) => (
  <Table
    label="Developer accounts"
    columns={['Name', 'Id', 'State', 'Created']}
    rows={accounts.map((account) => ({
      cells: [
        <a href={`${PATH}/${account.id}`}>{account.name}</a>,
        <code>{account.id}</code>,
        account.disabledAt === undefined ? <Badge tone="good">Enabled</Badge> : <Badge tone="bad">Disabled</Badge>,
        <Ago at={account.createdAt} now={now} />,
      ],
    }))}
  />
);
