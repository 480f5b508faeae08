import type { DisabledReason, WebhookEndpoint } from '../../../domain/webhooks/endpoint.ts';
import { Badge } from './badge.tsx';

/** Why an endpoint gets nothing, in a sentence. */
export const DISABLED_SENTENCES: Record<DisabledReason, string> = {
  by_owner: 'Paused here or through the API. What happens now waits, and is sent when you enable it.',
  gone: 'Disabled: it answered 410 Gone. Enable it when it takes events again, and what waited is sent.',
  failing: 'Disabled: every attempt failed for five days. Fix it, then enable it, and what waited is sent.',
};

/** An endpoint's state in a word. */
export const WebhookState = ({
  endpoint: { disabledReason, failingSince },
}: {
  endpoint: Pick<WebhookEndpoint, 'disabledReason' | 'failingSince'>;
}) => {
  if (disabledReason === 'by_owner') return <Badge tone="plain">Paused</Badge>;
  if (disabledReason !== undefined) return <Badge tone="bad">Disabled</Badge>;
  return failingSince === undefined ? <Badge tone="good">Enabled</Badge> : <Badge tone="wait">Failing</Badge>;
};
