import type { Child } from 'hono/jsx';

import { Form } from './form.tsx';

type Props = {
  /** Unique in the page. */
  id: string;
  /** The text of the button that opens the question. */
  ask: string;
  title: string;
  /** What will happen. */
  children: Child;
  /** The text of the button that confirms. */
  action: string;
  path: string;
  formToken: string;
  /** Further fields of the form. */
  fields?: Readonly<Record<string, string>>;
  /** Whether it cannot be undone. */
  isFinal?: boolean;
};

/**
 * A question before an action. The browser opens and closes it without a script (HTML, `popover`). A browser without
 * popovers shows it in place.
 */
export const Confirm = ({ id, ask, title, children, action, path, formToken, fields = {}, isFinal = true }: Props) => (
  <>
    <button
      class={isFinal ? 'quiet danger' : 'quiet'}
      type="button"
      popovertarget={id}
      aria-describedby={`${id}-title`}
    >
      {ask}
    </button>
    <div class="dialog" id={id} popover="auto" role="dialog" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <p>{children}</p>
      <Form action={path} token={formToken} fields={fields}>
        <button class={isFinal ? 'final' : undefined} type="submit">
          {action}
        </button>
        <button class="quiet" type="button" popovertarget={id} popovertargetaction="hide" autofocus>
          Cancel
        </button>
      </Form>
    </div>
  </>
);
