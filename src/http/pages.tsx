import type { Child } from 'hono/jsx';

import { LINK_ERRORS, type LinkOutcome } from '../domain/link.ts';
import { frame } from './document.ts';
import { inlineCode } from './inline-code.tsx';
import type { ProblemText } from './problem-format.ts';

/** `frame` as a component. */
export const Page = ({ title, children }: { title: string; children: Child }) => frame(title, children);

/** An error page, with the same words as the JSON. */
export const problemPage = ({ title, detail, code }: ProblemText, requestId: string) => (
  <Page title={title}>
    <h1>{title}</h1>
    <p>{inlineCode(detail)}</p>
    <p class="evidence">
      Code <code>{code}</code>
      <br />
      Request <code>{requestId}</code>
    </p>
    <p>
      <a href="/">Front page</a> · <a href="/docs">API reference</a> · <a href="/dashboard">Dashboard</a>
    </p>
  </Page>
);

/** The page on which a link ends that asked for one: its outcome, and a button to the app. */
export const endingPage = (location: string, ending: LinkOutcome) => {
  const { title, text } = endingText(ending);
  return (
    <Page title={title}>
      <h1>{title}</h1>
      <p>{text}</p>
      <p>
        <a class="button" href={location}>
          Back to the app
        </a>
      </p>
      <p class="evidence">
        The button opens <code>{location.split('?')[0]}</code>. If this device has no app for that address, nothing
        happens, and you can close this page.
      </p>
    </Page>
  );
};

const endingText = (ending: LinkOutcome): { title: string; text: string } => {
  if (ending === 'connected') return { title: 'Connected', text: 'The app can read the measurements from now on.' };
  if (ending === 'pending')
    return {
      title: 'Almost connected',
      text: 'The app has to confirm the connection. Go back to it within 15 minutes.',
    };
  return { title: 'Not connected', text: LINK_ERRORS[ending] };
};
