import { object } from '@optique/core/constructs';
import { commandLine, type Message, message } from '@optique/core/message';
import { map, optional } from '@optique/core/modifiers';
import type { NonEmptyString } from '@optique/core/nonempty';
import type { InferValue, Mode, Parser } from '@optique/core/parser';
import { argument, option, type OptionOptions } from '@optique/core/primitives';
import { string } from '@optique/core/valueparser';

import type { Broker } from '../client/send.ts';
import { brokerAt } from './call.ts';
import { cliFailure, EXIT } from './exit.ts';
import { readProfiles } from './profiles.ts';

type Fields = Record<string, Parser<Mode>>;

/** Parses the arguments of a command into its action, which `main` starts. */
export const runs = <Given extends Fields>(
  fields: Given,
  action: (given: { readonly [Name in keyof Given]: InferValue<Given[Name]> }) => Promise<void>,
) => map(object(fields), (given) => () => action(given));

/** An option's value, or that of its variable: `--url` or MUSHU_URL. Commands read no variable themselves. */
const orVariable = (name: `--${string}`, metavar: NonEmptyString, options: OptionOptions) =>
  map(
    optional(option(name, string({ metavar }), options)),
    (given) => given ?? (process.env[`MUSHU_${name.slice(2).toUpperCase()}`] || undefined),
  );

/** An option of every command: in each command's help, but not in its synopsis. */
const globalOption = (name: `--${string}`, metavar: NonEmptyString, description: Message) =>
  orVariable(name, metavar, { description, hidden: 'usage' });

export const target = {
  url: globalOption('--url', 'URL', message`The broker's URL; or MUSHU_URL.`),
  token: globalOption('--token', 'TOKEN', message`An access token; or MUSHU_TOKEN.`),
  profile: globalOption('--profile', 'NAME', message`A profile that login stored; or MUSHU_PROFILE.`),
};
export type Target = { url: string | undefined; token: string | undefined; profile: string | undefined };

const json = option('--json', { description: message`Print JSON, for programs.` });

export const common = { ...target, json };

export const app = orVariable('--app', 'APP', { description: message`The app's id; or MUSHU_APP.` });

export const appArgument = argument(string({ metavar: 'APP' }), { description: message`The app's id.` });

/** An example at the end of a command's help. */
export const example = (line: string): { footer: Message } => ({ footer: message`Example: ${commandLine(line)}` });

/** The broker to call: what is given, by options or variables, then the profile. */
export const chosenBroker = (wanted: Target): Broker => {
  const known = anyProfile(wanted);
  const url = wanted.url ?? known?.url;
  // A token is sent only to the broker for which it was stored.
  const kept = known !== undefined && url !== undefined && sameOrigin(url, known.url) ? known.token : undefined;
  const token = wanted.token ?? kept;
  if (url === undefined)
    throw cliFailure(EXIT.notAllowed, 'Not signed in. Run `mushu login`, or set MUSHU_URL and MUSHU_TOKEN.');
  if (!URL.canParse(url)) throw cliFailure(EXIT.usage, 'The URL is not valid. An example: https://broker.example.com');
  return brokerAt(url, token);
};

const anyProfile = ({ profile }: Target) => {
  const { current, profiles } = readProfiles();
  const name = profile ?? current;
  if (profile !== undefined && profiles[name] === undefined) {
    throw cliFailure(EXIT.usage, 'There is no such profile. Create one with `mushu login --profile NAME`.');
  }
  return profiles[name];
};

const sameOrigin = (left: string, right: string): boolean =>
  URL.canParse(left) && URL.canParse(right) && new URL(left).origin === new URL(right).origin;

export const appId = (id: string | undefined): string => {
  if (id === undefined) throw cliFailure(EXIT.usage, 'Which app? Give --app APP, or set MUSHU_APP.');
  return id;
};
