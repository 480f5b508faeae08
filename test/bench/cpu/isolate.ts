import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { StandIns } from './stand-ins.ts';

const WORKERD = join(import.meta.dirname, '../../../node_modules/workerd/bin/workerd');

/** One Worker alone in a workerd of its own, and the CPU time of that process. */

/** A Worker's modules in a folder, its entry point among them, and its text bindings. */
export type Script = { folder: string; main: string; text: Record<string, string> };

export type Isolate = {
  fetch: (path: string, init?: RequestInit) => Promise<Response>;
  tick: () => Promise<void>;
  /** CPU milliseconds so far, of all its threads. */
  cpuMs: () => number;
  /** Megabytes of memory that the process has now. */
  residentMb: () => number;
  /** Megabytes of the Worker's JavaScript objects that are in use. */
  usedHeapMb: () => Promise<number>;
  stop: () => Promise<void>;
};

/** Triggers the clock's entrance: workerd has no command for that. */
const CLOCK = `export default { async fetch(request, { WORKER }) {
  if (new URL(request.url).pathname === '/up') return new Response('up');
  const { outcome } = await WORKER.scheduled({ scheduledTime: new Date(), cron: '* * * * *' });
  return new Response(outcome);
} }`;

/** @param isInspected whether its heap is asked for; an inspected isolate uses more CPU */
export const startIsolate = async (
  { folder, main, text }: Script,
  { ports }: StandIns,
  isInspected = false,
): Promise<Isolate> => {
  const [port, clockPort, inspectorPort] = await Promise.all([freePort(), freePort(), freePort()]);
  writeFileSync(join(folder, 'clock.mjs'), CLOCK);
  const modules = globSync('**/*.js', { cwd: folder }).sort((a, b) => Number(b === main) - Number(a === main));
  // Two of a folder may start at once.
  const config = join(folder, `${port}.capnp`);
  writeFileSync(config, configOf({ modules, text: writeTexts(folder, text), ports, port, clockPort }));
  const inspector = isInspected ? [`--inspector-addr=127.0.0.1:${inspectorPort}`] : [];
  const child = spawn(WORKERD, ['serve', config, '--experimental', ...inspector], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // It may end by itself, ahead of `stop`.
  let isGone = false;
  const gone = once(child, 'exit').then(() => (isGone = true));
  const pid = child.pid ?? 0;
  const end = () => child.kill();
  process.once('exit', end);
  const origin = `http://127.0.0.1:${port}`;
  const clock = `http://127.0.0.1:${clockPort}`;
  while (
    !(await fetch(`${clock}/up`).then(
      (answer) => answer.text(),
      () => undefined,
    ))
  ) {
    if (isGone) throw new Error('workerd ended before it was up');
    await setTimeout(20);
  }
  return {
    fetch: (path, init) => fetch(origin + path, { redirect: 'manual', ...init }),
    tick: async () => {
      const outcome = await (await fetch(clock)).text();
      if (outcome !== 'ok') throw new Error(`the tick ended with ${outcome}`);
    },
    cpuMs: () => cpuMsOfThreads(pid),
    residentMb: () => residentMbOf(pid),
    usedHeapMb: () => usedHeapMbOf(inspectorPort),
    stop: async () => {
      end();
      await gone;
      process.off('exit', end);
    },
  };
};

const freePort = async (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Nanoseconds of each thread, which the sum of the process has in hundredths of a second only. */
const cpuMsOfThreads = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [ns = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
    return sum + ns / 1e6;
  }, 0);

const residentMbOf = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_000);

/** Asks the inspector (Chrome DevTools Protocol) after a heap snapshot, which collects garbage first. */
const usedHeapMbOf = async (inspectorPort: number): Promise<number> => {
  const targets = (await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json()) as Record<string, string>[];
  const socket = new WebSocket(targets.find(({ id }) => id === 'worker')?.['webSocketDebuggerUrl'] ?? '');
  await once(socket, 'open');
  const call = async (id: number, method: string): Promise<{ usedSize: number }> =>
    new Promise((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result: { usedSize: number } };
        if (answer.id === id) resolve(answer.result);
      });
      socket.send(JSON.stringify({ id, method }));
    });
  await call(1, 'HeapProfiler.takeHeapSnapshot');
  const { usedSize } = await call(2, 'Runtime.getHeapUsage');
  socket.close();
  return usedSize / 1e6;
};

/** The bindings' texts as files, which need no escaping. */
const writeTexts = (folder: string, text: Record<string, string>): string[] => {
  for (const [name, value] of Object.entries(text)) writeFileSync(join(folder, `${name}.text`), value);
  return Object.keys(text);
};

type Wanted = { modules: string[]; text: string[]; ports: StandIns['ports']; port: number; clockPort: number };

const configOf = ({
  modules,
  text,
  ports,
  port,
  clockPort,
}: Wanted): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "d1", external = (address = "127.0.0.1:${ports.d1}", http = ())),
    (name = "kv", external = (address = "127.0.0.1:${ports.kv}", http = ())),
    (name = "internet", network = (allow = ["private", "public"])),
    (name = "worker", worker = (
      compatibilityDate = "2026-10-23", compatibilityFlags = ["global_fetch_strictly_public"],
      modules = [${modules.map((name) => `(name = "${name}", esModule = embed "${name}")`).join(', ')}],
      bindings = [
        (name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "d1")])),
        (name = "LINKS", kvNamespace = "kv"),
        ${text.map((name) => `(name = "${name}", text = embed "${name}.text")`).join(', ')}
      ])),
    (name = "clock", worker = (
      compatibilityDate = "2026-10-23", compatibilityFlags = ["service_binding_extra_handlers"],
      modules = [(name = "clock.mjs", esModule = embed "clock.mjs")], bindings = [(name = "WORKER", service = "worker")]))
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:${port}", http = (), service = "worker"),
    (name = "clock", address = "127.0.0.1:${clockPort}", http = (), service = "clock")
  ]
);
`;
