import { type Attempt, failedEvents, isDelivered } from '../../../domain/webhooks/endpoint.ts';
import { MAX_ATTEMPTS_KEPT } from '../../../domain/webhooks/limits.ts';
import { Badge } from './badge.tsx';
import { Form } from './form.tsx';
import { Table } from './table.tsx';
import { Moment } from './time.tsx';

type Props = {
  /** Newest first. */
  attempts: readonly Attempt[];
  /** Whether events may be sent again: not while the endpoint is disabled. */
  maySend: boolean;
  /** The endpoint's page. */
  path: string;
  formToken: string;
};

/** The last attempts to deliver to an endpoint, each with a form that sends its event again. */
export const WebhookAttempts = ({ attempts, maySend, path, formToken }: Props) => (
  <section aria-labelledby="attempts">
    <div class="title">
      <h2 id="attempts">Attempts</h2>
      {maySend && failedEvents(attempts, 0).length > 0 && (
        <div class="actions">
          <Form action={`${path}/resend-failed`} token={formToken}>
            <button class="quiet" type="submit">
              Send all failed again
            </button>
          </Form>
        </div>
      )}
    </div>
    <p class="lead">The last {MAX_ATTEMPTS_KEPT}, newest first. An event may take several.</p>
    {attempts.length === 0 ? (
      <p class="empty">Nothing was sent yet. Send a test event, or connect a user.</p>
    ) : (
      <Table
        label="Attempts"
        columns={[
          'Event',
          'Answer',
          { label: 'Milliseconds', kind: 'number' },
          'When',
          { label: 'Send again', kind: 'actions' },
        ]}
        rows={attempts.map((attempt) => ({
          cells: [
            <>
              <code>{attempt.type}</code>
              <span class="detail">
                number {attempt.seq}, <code>{attempt.eventId}</code>
              </span>
            </>,
            <Answer attempt={attempt} />,
            attempt.ms.toLocaleString('en'),
            <Moment at={attempt.at} />,
            maySend && <SendAgain attempt={attempt} path={path} formToken={formToken} />,
          ],
        }))}
      />
    )}
  </section>
);

const SendAgain = ({ attempt, path, formToken }: { attempt: Attempt } & Pick<Props, 'path' | 'formToken'>) => (
  <Form action={`${path}/resend`} token={formToken} fields={{ sequence: String(attempt.seq) }}>
    <button class="quiet" type="submit">
      Send again
    </button>
  </Form>
);

const NO_ANSWER = { timeout: 'No answer in 15 seconds', unreachable: 'Not reached' };

/** The status, and the beginning of a refusal as text. */
const Answer = ({ attempt }: { attempt: Attempt }) => (
  <>
    <Badge tone={isDelivered(attempt) ? 'good' : 'bad'}>
      {attempt.status === undefined ? NO_ANSWER[attempt.error ?? 'unreachable'] : String(attempt.status)}
    </Badge>
    {attempt.answer && (
      <details class="answer">
        <summary>What it said</summary>
        <pre tabindex={0}>{attempt.answer}</pre>
      </details>
    )}
  </>
);
