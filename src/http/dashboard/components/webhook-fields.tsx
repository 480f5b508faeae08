import { describeUrlRefusal, MAX_ENDPOINT_URL_LENGTH } from '../../../domain/webhooks/endpoint-url.ts';
import type { RefusedForm } from '../form.ts';
import { CHOSEN_TYPES } from '../webhook-form.ts';
import { Checkbox, Choices, Field } from './form.tsx';

/** What each event is about. */
const EVENTS: Record<string, string> = {
  'connection.created': 'A user connected for the first time.',
  'connection.restored': 'A user who was disconnected, or had to consent again, is connected.',
  'connection.reauth_required': 'A user has to consent again.',
  'connection.disconnected': 'A user was disconnected.',
  'history.completed': 'A user’s whole history is stored.',
  'measurements.changed': 'Measurements were added, changed or deleted.',
  'user.erased': 'Everything about a user is gone.',
};

const PAYLOADS = [
  { value: 'full', label: 'Full', explanation: 'An event holds the measurements that changed.' },
  { value: 'thin', label: 'Thin', explanation: 'An event only says whom it concerns; your backend reads the rest.' },
];

/** The fields of an endpoint. `settings` is the page on which loopback addresses are allowed. */
export const WebhookFields = ({ typed, errors, settings }: RefusedForm & { settings: string }) => (
  <>
    <Field
      name="url"
      label="URL"
      hint="Where events are sent, such as https://api.example.com/webhooks/mushu."
      value={typed.get('url') ?? ''}
      error={errors['url']}
      remedy={
        errors['url'] === describeUrlRefusal('loopback_not_allowed') ? (
          <a href={settings}>Allow loopback addresses</a>
        ) : undefined
      }
      maxlength={MAX_ENDPOINT_URL_LENGTH}
      autocomplete="off"
      spellcheck={false}
      required
    />
    <Field
      name="description"
      label="Description"
      hint="For you and your team."
      value={typed.get('description') ?? ''}
      error={errors['description']}
      maxlength={200}
      autocomplete="off"
    />
    <fieldset class="choices">
      <legend>Events</legend>
      {CHOSEN_TYPES.map((type) => (
        <Checkbox
          name="events"
          id={`events-${type}`}
          value={type}
          label={type}
          checked={typed.getAll('events').includes(type)}
        >
          {EVENTS[type] ?? ''}
        </Checkbox>
      ))}
      {errors['events'] && <p class="error">{errors['events']}</p>}
    </fieldset>
    <Choices name="payload" legend="Bodies" chosen={typed.get('payload') ?? 'full'} choices={PAYLOADS} />
  </>
);
