import type { AppId } from '../app-id.ts';
import type { EpochMs } from '../time.ts';
import type { EventType } from './event.ts';

/** `full` bodies hold what changed; `thin` ones only say whom it concerns, and the app reads the rest by the API. */
export type Payload = 'full' | 'thin';

/** One attempt to deliver an event. */
export type Attempt = {
  eventId: string;
  seq: number;
  type: EventType;
  at: EpochMs;
  /** HTTP status of the answer; undefined if there was none. */
  status?: number | undefined;
  /** Why there was no answer: `timeout` or `unreachable`. */
  error?: 'timeout' | 'unreachable' | undefined;
  /** Milliseconds until the answer. */
  ms: number;
  /** The beginning of the answer's body, if it was no success. */
  answer?: string | undefined;
};

export const isDelivered = ({ status = 0 }: { status?: number | undefined }): boolean => status >= 200 && status < 300;

/** The events whose last attempt failed, since a moment; of attempts that are sorted newest first. */
export const failedEvents = (attempts: readonly Attempt[], since: EpochMs): number[] => {
  const last = new Map(attempts.toReversed().map((attempt) => [attempt.seq, attempt]));
  return [...last.values()].filter((attempt) => attempt.at >= since && !isDelivered(attempt)).map(({ seq }) => seq);
};

/** Why an endpoint gets nothing any more: its owner, an answer 410, or five days of failures. */
export const DISABLED_REASONS = ['by_owner', 'gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** Where events of an app are sent. */
export type WebhookEndpoint = {
  id: string;
  appId: AppId;
  url: string;
  description: string;
  /** Undefined for all types. */
  eventTypes: EventType[] | undefined;
  payload: Payload;
  createdAt: EpochMs;
  disabledAt: EpochMs | undefined;
  disabledReason: DisabledReason | undefined;
  /** Until when the secret before the current one signs too. */
  previousSecretUntil: EpochMs | undefined;
  /** Since when every attempt has failed. */
  failingSince: EpochMs | undefined;
};
