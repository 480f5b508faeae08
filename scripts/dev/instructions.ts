import { demoPeople } from '../../src/simulator/people/demo-people.ts';
import type { Running } from './start.ts';

/** The text that `npm run dev` prints when it is ready. */
export const instructions = (running: Running): string => {
  const { url, withings, operatorToken, authUrl, demoPageUrl, notes, stateDir } = running;
  const simulated = withings.kind === 'simulated';
  return [
    ...notes,
    `Mushu Health runs at ${url}.`,
    describeWithings(running),
    `The demo app's page is ${demoPageUrl}.`,
    '',
    simulated ? '1. Open this, choose a person and allow access:' : '1. Open this and allow access:',
    '',
    `   ${authUrl}`,
    '',
    ...(simulated ? [...demoPeople.map(({ name, description }) => `   - ${name}: ${description}`), ''] : []),
    authUrl.includes('ending=page')
      ? '   You end on a page of the broker, whose button opens an app that has the scheme womoji:.'
      : "   You end on the demo app's page, which shows the person's weight, BMI, body fat and muscle mass.",
    '',
    ...(simulated ? [`2. Weigh the person in at ${withings.loginUrl}: the page has it by itself.`, ''] : []),
    `${simulated ? 3 : 2}. Ask for the values as an app does. The first line is for the README's commands too:`,
    '',
    `   ${shellVariables(running)}`,
    '   curl -X POST -H "X-API-Key: $KEY" "$URL/apps/$APP/withings/sync/demo-user"',
    '   curl -H "X-API-Key: $KEY" "$URL/apps/$APP/metrics/demo-user?metric=weight,bmi,fat_ratio,muscle_mass"',
    '',
    `${simulated ? 4 : 3}. Look around in the dashboard, ${url}/dashboard; sign in with the operator's token:`,
    '',
    `   ${operatorToken}`,
    '',
    '   The same from the command line, where it asks for that token:',
    '',
    `   npm install --global ${url}/mushu.tgz`,
    `   mushu login --url ${url}`,
    '',
    `Data, secrets and the Worker's log are stored in ${stateDir}. Delete it to start again. Ctrl-C stops everything.`,
  ].join('\n');
};

/** What the README's commands name. */
const shellVariables = ({ url, app, demoPageUrl, operatorToken }: Running): string =>
  `URL=${url} APP=${app.id} KEY=${app.key} PAGE=${demoPageUrl} OPERATOR=${operatorToken}`;

const describeWithings = ({ withings: { kind, loginUrl }, callbackUrl }: Running): string =>
  kind === 'simulated'
    ? `Its Withings is simulated, at ${loginUrl}.`
    : `Its Withings is ${loginUrl}, where ${callbackUrl} must be registered as the callback URL.`;
