import type { EpochMs } from '../../../domain/time.ts';
import type { WebhookEndpoint } from '../../../domain/webhooks/endpoint.ts';
import { Copy } from './copy.tsx';
import { Ago } from './time.tsx';
import { DISABLED_SENTENCES } from './webhook-state.tsx';

/** An endpoint's settings and state, without its secret. */
export const WebhookFacts = ({ endpoint, now }: { endpoint: WebhookEndpoint; now: EpochMs }) => {
  const { id, description, eventTypes, payload, createdAt, disabledReason, failingSince } = endpoint;
  const secondSecretUntil = endpoint.previousSecretUntil ?? 0;
  return (
    <>
      {disabledReason !== undefined && (
        <p class={disabledReason === 'by_owner' ? 'notice' : 'notice bad'}>{DISABLED_SENTENCES[disabledReason]}</p>
      )}
      <dl class="facts card">
        <dt>Id</dt>
        <dd>
          <code>{id}</code> <Copy text={id} what="the endpoint’s id" />
        </dd>
        {description !== '' && (
          <>
            <dt>Description</dt>
            <dd>{description}</dd>
          </>
        )}
        <dt>Events</dt>
        <dd>{eventTypes === undefined ? 'all, also those of later versions' : <code>{eventTypes.join(', ')}</code>}</dd>
        <dt>Bodies</dt>
        <dd>{payload}</dd>
        <dt>Added</dt>
        <dd>
          <Ago at={createdAt} now={now} />
        </dd>
        {failingSince !== undefined && (
          <>
            <dt>Failing since</dt>
            <dd>
              <Ago at={failingSince} now={now} />. After five days without a success it is disabled.
            </dd>
          </>
        )}
        {secondSecretUntil > now && (
          <>
            <dt>The old secret signs</dt>
            <dd>
              until <Ago at={secondSecretUntil} now={now} />
            </dd>
          </>
        )}
      </dl>
    </>
  );
};
