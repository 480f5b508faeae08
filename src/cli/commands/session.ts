import { text } from 'node:stream/consumers';

import { message } from '@optique/core/message';
import { command } from '@optique/core/primitives';

import { whoami as askWhoami } from '../../client/accounts.ts';
import * as contract from '../../http/api/accounts/contract.ts';
import { askOn } from '../ask.ts';
import { brokerAt, call } from '../call.ts';
import { cliFailure, EXIT } from '../exit.ts';
import { chosenBroker, common, example, runs, type Target, target } from '../options.ts';
import { facts, print, printErr, show, time } from '../output.ts';
import { configPath, readProfiles, writeProfiles } from '../profiles.ts';

const login = async (wanted: Target): Promise<void> => {
  const url = wanted.url ?? (await ask('Broker URL:', false));
  if (!URL.canParse(url)) throw cliFailure(EXIT.usage, 'The URL is not valid. An example: https://broker.example.com');
  const token = wanted.token === '-' ? await piped() : (wanted.token ?? (await ask('Access token:', true)));
  const origin = new URL(url).origin;
  const { value } = await call(contract.whoami, askWhoami, brokerAt(origin, token));
  const profiles = readProfiles();
  const name = wanted.profile ?? 'default';
  writeProfiles({ current: name, profiles: { ...profiles.profiles, [name]: { url: origin, token } } });
  print(
    `Signed in to ${origin} as ${value.account?.name ?? 'the operator'}. Stored in ${configPath()}, profile ${name}.`,
  );
};

/** A token from a pipe is in no list of processes and in no shell's history. */
const piped = async (): Promise<string> => {
  const token = (await text(process.stdin)).trim();
  if (token === '') throw cliFailure(EXIT.usage, 'No token came through the pipe. Nothing was stored.');
  return token;
};

const ask = async (question: string, hidden: boolean): Promise<string> => {
  if (!process.stdin.isTTY)
    throw cliFailure(EXIT.usage, 'No terminal to ask on: give --url, and --token or --token - with a pipe.');
  const answer = await askOn(process.stdin, process.stderr)(question, { hidden });
  if (answer === undefined) throw cliFailure(EXIT.usage, 'No answer. Nothing was stored.');
  return answer;
};

const logout = async ({ profile }: Target): Promise<void> => {
  const { current, profiles } = readProfiles();
  const name = profile ?? current;
  const { [name]: gone, ...rest } = profiles;
  if (gone === undefined) {
    printErr('You are not signed in.');
    return;
  }
  const next = current in rest ? current : (Object.keys(rest)[0] ?? 'default');
  writeProfiles({ current: next, profiles: rest });
  print(`Deleted the token for ${gone.url}. It stays valid: revoke it with \`mushu tokens revoke\`.`);
};

const whoami = async ({ json, ...wanted }: Target & { json: boolean }): Promise<void> => {
  const broker = chosenBroker(wanted);
  const { value } = await call(contract.whoami, askWhoami, broker);
  show(json, value, () =>
    facts([
      ['broker', broker.url],
      ['role', value.role],
      ['account', value.account === null ? '-' : `${value.account.name} (${value.account.id})`],
      ['token', value.token === null ? '-' : `${value.token.name}, until ${time(value.token.expires_at)}`],
    ]),
  );
};

export const sessionCommands = [
  command('login', runs(target, login), {
    brief: message`Sign in to a broker.`,
    description: message`Asks for the URL and token if you give none, checks them, and stores them in a file that only you can read. The token "-" is read from a pipe.`,
    ...example('pass show mushu | mushu login --url https://broker.example.com --token -'),
  }),
  command('logout', runs(target, logout), {
    brief: message`Delete the stored token.`,
    ...example('mushu logout --profile staging'),
  }),
  command('whoami', runs(common, whoami), {
    brief: message`Show the token's account.`,
    ...example('mushu whoami --json'),
  }),
] as const;
