import { userError } from '../user-error.ts';

/**
 * What the steps of "Receive events" in examples/web/README.md have one type and press. A step that lacks its part is
 * an error.
 */
export const eventSteps = (readme: string) => {
  const [, section = ''] = readme.split('\n## Receive events\n');
  const [list = ''] = /^1\. [\s\S]*^4\. .*$/m.exec(section) ?? [];
  const steps = list.split(/^\d\. /m).slice(1);
  const part = (step: number, what: RegExp): string => {
    const [, found] = what.exec(steps[step - 1] ?? '') ?? [];
    if (found === undefined) throw userError(`Step ${step} of "Receive events" does not contain ${what.source}.`);
    return found;
  };
  return {
    /** Step 1. */
    install: part(1, /`(npm ci)`/),
    start: part(1, /`npm (run dev)`/).split(' '),
    /** Step 2: the app, its tab, the endpoint and a button. */
    app: part(2, /Open "([^"]+)"/),
    tab: part(2, /then "([^"]+)"/),
    url: part(2, /`(http:[^`]+)`/),
    add: part(2, /press "([^"]+)"/),
    /** Step 3: commands for a shell, with `whsec_…` for the secret. */
    receiver: part(3, /```sh\n([\s\S]*?)```/),
    /** Step 4: a button, and what the receiver prints. */
    send: part(4, /press "([^"]+)"/),
    received: part(4, /prints `([^`]+)`/),
    words: list.split(/\s+/).length,
  };
};
