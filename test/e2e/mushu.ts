import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';
import { hasNative, type IPty, spawn as spawnOnTerminal } from 'zigpty';

import { choosePort } from '../../scripts/dev/ports.ts';
import { recordShown } from '../support/canaries.ts';
import { type Ended, runHere } from './run-here.ts';

/** `mushu` with a home of its own: as it is installed, built and run as a process, or here, where that is not the point. */

export const MUSHU = new URL('../../dist/cli/mushu.js', import.meta.url).pathname;

export type Mushu = {
  /** Runs it to its end in this process, without a terminal. */
  run: (args: readonly string[], env?: Record<string, string>) => Promise<Ended>;
  /** Runs it to its end as a process, without a terminal. */
  runApart: (args: readonly string[], env?: Record<string, string>, input?: string) => Promise<Ended>;
  /** Starts it on a terminal of its own, 100 columns wide. */
  onTerminal: (args: readonly string[], env?: Record<string, string>) => IPty;
  home: string;
  config: string;
};

/** For one test: with an empty home, which goes when the test does. */
export const newMushu = (): Mushu => {
  const home = mkdtempSync(join(tmpdir(), 'mushu-cli-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const environment = (env: Record<string, string>) => ({ HOME: home, PATH: process.env['PATH'] ?? '', ...env });
  return {
    home,
    config: join(home, '.config/mushu/config.json'),
    run: async (args, env = {}) => {
      const ended = await runHere(args, { ...environment(env), XDG_CONFIG_HOME: join(home, '.config') });
      record(args, ended);
      return ended;
    },
    runApart: (args, env = {}, input) =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, [MUSHU, ...args], {
          env: environment(env),
          stdio: ['pipe', 'pipe', 'pipe'],
        });
        child.stdin.end(input);
        let out = '';
        let err = '';
        child.stdout.on('data', (data: Buffer) => (out += data.toString()));
        child.stderr.on('data', (data: Buffer) => (err += data.toString()));
        child.on('close', (code) => {
          record(args, { code, out, err });
          resolve({ code, out, err });
        });
      }),
    onTerminal: (args, env = {}) => {
      if (!hasNative) throw new Error('there is no terminal for this platform');
      const options = { cols: 100, rows: 30, env: environment(env) };
      const terminal = spawnOnTerminal(process.execPath, [MUSHU, ...args], options);
      let screen = '';
      terminal.onData((data) => (screen += data.toString()));
      terminal.onExit(() => recordShown({ where: `screen of mushu ${args.slice(0, 2).join(' ')}`, text: screen }));
      return terminal;
    },
  };
};

const record = (args: readonly string[], { out, err }: Ended): void =>
  void recordShown({ where: `output of mushu ${args.slice(0, 2).join(' ')}`, text: out + err });

/** An address without a listener. */
export const nowhere = async (): Promise<string> => {
  const { port } = await choosePort('Nobody', { flag: '', wanted: '0', usual: 0 });
  return `http://127.0.0.1:${port}`;
};

/** A server that stands where a broker should be, for one test. Its origin. */
export const listen = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
