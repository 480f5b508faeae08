import type { Child } from 'hono/jsx';

import { Form } from './form.tsx';

type Props = {
  /** Unique in the page. */
  id: string;
  /** What the button says that asks the question. */
  ask: string;
  title: string;
  /** What will happen. */
  children: Child;
  /** What the button says that does it. */
  action: string;
  path: string;
  formToken: string;
  /** What the form sends besides. */
  fields?: Readonly<Record<string, string>>;
  /** Whether it cannot simply be undone. */
  isFinal?: boolean;
};

/** A question before something is done. The browser opens and closes it by itself (HTML, `popover`); one that cannot shows it in place. */
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
