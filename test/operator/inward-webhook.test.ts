import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { expect, onTestFinished, test } from 'vitest';

/**
 * A webhook to a name that resolves to this machine. No text of a URL shows that, so the network has to refuse it:
 * Cloudflare's by being elsewhere, workerd's if it is told to reach public addresses only. Its other network beside it
 * shows that the name is reached otherwise.
 */

/** A service of the operator's that must not be reached from outside. */
const startInnerService = async () => {
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(request.url ?? '');
    response.end('inner');
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  return { reached, url: `http://localhost:${(server.address() as AddressInfo).port}/hook` };
};

/** The broker's sender in workerd, on either network. */
const startSender = async () => {
  const contents = `
    import { createPostWebhook } from './src/broker/webhooks/post-webhook.ts';
    export default {
      async fetch(request, env) {
        const network = env[new URL(request.url).pathname.slice(1)];
        const post = createPostWebhook((url, init) => network.fetch(url, init), () => Date.now());
        return Response.json(await post(await request.text(), {}, '{}'));
      },
    };`;
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const };
  const built = await build({ stdin, bundle: true, format: 'esm', write: false });
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      // It says in its log that it refused.
      handleStructuredLogs: () => undefined,
      script: built.outputFiles[0]?.text ?? '',
      serviceBindings: {
        PUBLIC: { network: { allow: ['public'] } },
        ANY: { network: { allow: ['public', 'private'] } },
      },
    }),
  );
  onTestFinished(() => worker.dispose());
  return async (network: 'PUBLIC' | 'ANY', url: string) => {
    const answer = await worker.dispatchFetch(`http://worker.test/${network}`, { method: 'POST', body: url });
    return answer.json();
  };
};

test('a webhook whose name resolves to an inner address does not leave a network of public addresses', async () => {
  const { reached, url } = await startInnerService();
  const send = await startSender();
  const refused = await send('PUBLIC', url);
  expect(refused).toMatchObject({ error: 'unreachable' });
  expect(refused).not.toHaveProperty('answer');
  expect(reached).toEqual([]);
  expect(await send('ANY', url)).toMatchObject({ status: 200 });
  expect(reached).toEqual(['/hook']);
});
