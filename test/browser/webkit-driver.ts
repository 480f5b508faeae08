import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { createServer } from 'node:net';

import { expect, onTestFinished } from 'vitest';

/**
 * Safari's engine, as Debian and Ubuntu package it: `apt-get install webkit2gtk-driver xvfb`. npm has no build of it. It is driven by
 * WebDriver (https://www.w3.org/TR/webdriver2/#endpoints), of which the tests need few commands.
 */
const BROWSER = globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser').at(0);

export const hasWebKit = (): boolean =>
  BROWSER !== undefined && ['WebKitWebDriver', 'Xvfb'].every((name) => spawnSync(name, ['--help']).error === undefined);

/** The key of an element's id, by the specification. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const HEIGHT = 800;

/** For one test: a WebKit that has been nowhere before, on a screen of its own. */
export const openWebKit = async () => {
  const started: ChildProcess[] = [];
  onTestFinished(() => started.forEach((child) => child.kill()));
  const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1400x1000x24'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  started.push(screen);
  const [display] = (await once(screen.stdout, 'data')) as [Buffer];
  const port = await anyPort();
  const env = { ...process.env, DISPLAY: `:${display.toString().trim()}` };
  started.push(spawn('WebKitWebDriver', [`--port=${port}`], { stdio: 'ignore', env }));
  const send = async (method: string, path: string, body?: object): Promise<unknown> => {
    const text = body === undefined ? null : JSON.stringify(body);
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: text });
    const { value } = (await answer.json()) as { value: unknown };
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
    return value;
  };
  await expect.poll(async () => send('GET', '/status').catch(() => undefined)).toMatchObject({ ready: true });
  const options = { binary: BROWSER, args: ['--automation'] };
  const capabilities = { alwaysMatch: { browserName: 'MiniBrowser', 'webkitgtk:browserOptions': options } };
  const { sessionId } = (await send('POST', '/session', { capabilities })) as { sessionId: string };
  onTestFinished(() => void send('DELETE', `/session/${sessionId}`).catch(() => undefined));
  const session = async (method: string, path: string, body?: object) =>
    send(method, `/session/${sessionId}${path}`, body);
  const find = async (css: string): Promise<string> => {
    const found = await session('POST', '/element', { using: 'css selector', value: css });
    return `/element/${(found as Record<string, string>)[ELEMENT]}`;
  };
  return {
    go: async (url: string): Promise<void> => void (await session('POST', '/url', { url })),
    url: async (): Promise<string> => String(await session('GET', '/url')),
    fill: async (css: string, text: string): Promise<void> =>
      void (await session('POST', `${await find(css)}/value`, { text })),
    click: async (css: string): Promise<void> => void (await session('POST', `${await find(css)}/click`, {})),
    text: async (css: string): Promise<string> => String(await session('GET', `${await find(css)}/text`)),
    /** Runs a script on the page, whatever the page's policy. Of a promise, waits for its value. */
    run: async (script: string): Promise<unknown> =>
      session('POST', '/execute/async', {
        script: `const done = arguments[0]; Promise.resolve((() => { ${script} })()).then(done)`,
        args: [],
      }),
    resize: async (width: number): Promise<void> =>
      void (await session('POST', '/window/rect', { width, height: HEIGHT })),
  };
};

const anyPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};
