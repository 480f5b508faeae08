import { Confirm } from './confirm.tsx';
import { Form } from './form.tsx';

type Props = {
  isDisabled: boolean;
  /** The endpoint's page. */
  path: string;
  formToken: string;
};

/** What can be done with an endpoint. */
export const WebhookActions = ({ isDisabled, path, formToken }: Props) => (
  <div class="actions">
    {isDisabled ? (
      <Form action={`${path}/enable`} token={formToken}>
        <button type="submit">Enable</button>
      </Form>
    ) : (
      <>
        <Form action={`${path}/test`} token={formToken}>
          <button type="submit">Send test event</button>
        </Form>
        <Form action={`${path}/pause`} token={formToken}>
          <button class="quiet" type="submit">
            Pause
          </button>
        </Form>
      </>
    )}
    <Confirm
      id="rotate"
      ask="Rotate secret"
      title="Rotate the signing secret?"
      action="Rotate secret"
      path={`${path}/rotate`}
      formToken={formToken}
      isFinal={false}
    >
      The new secret is shown once. For 24 hours each event carries two signatures, one by each secret. Then only the
      new one signs.
    </Confirm>
    <Confirm
      id="delete"
      ask="Delete"
      title="Delete this endpoint?"
      action="Delete endpoint"
      path={`${path}/delete`}
      formToken={formToken}
    >
      It gets nothing more, and what waits for it is dropped. Its secret is deleted. This cannot be undone.
    </Confirm>
  </div>
);
