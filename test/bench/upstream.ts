import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  type GetmeasBody,
  MEASURE_PATH,
  type MeasureGroup,
  OAUTH2_PATH,
  type SuccessEnvelope,
  type TokenBody,
} from '../../src/withings/wire.ts';
import { GROUP_MARK } from './marks.ts';

/**
 * As little of Withings as the measured requests need, at once: the simulator does what Withings does, which takes as
 * long as what is measured. Codes and tokens end in the number of their user. Who asks for what is new has weighed in
 * once more.
 */
export const createUpstream = () => {
  let groups = 0;
  const groupsOf = new Map<string, MeasureGroup[]>();

  const weighIn = (): MeasureGroup => {
    const now = Math.floor(Date.now() / 1000);
    groups += 1;
    return {
      grpid: GROUP_MARK + groups - 1,
      attrib: 0,
      date: now,
      created: now,
      modified: now,
      category: 1,
      deviceid: 'd',
      hash_deviceid: 'd',
      model: 'Body+',
      modelid: 5,
      comment: null,
      measures: [1, 5, 6, 8, 76, 77, 88, 170].map((type) => ({ value: 68_200 + type, type, unit: -3 })),
    };
  };

  const getmeas = (form: URLSearchParams, token: string): GetmeasBody => {
    const known = groupsOf.get(token) ?? [];
    const isNew = !form.has('startdate');
    if (isNew) groupsOf.set(token, [...known, weighIn()]);
    return {
      updatetime: Math.floor(Date.now() / 1000),
      timezone: 'Europe/Paris',
      measuregrps: isNew ? (groupsOf.get(token) ?? []).slice(-1) : known,
    };
  };

  const requesttoken = (form: URLSearchParams): TokenBody => ({
    userid: (form.get('code') ?? '').replace('code-', ''),
    access_token: 'a'.repeat(40),
    refresh_token: 'b'.repeat(40),
    scope: 'user.metrics',
    expires_in: 10_800,
    token_type: 'Bearer',
  });

  /** What Withings answers to a form. */
  const answer = (path: string, form: URLSearchParams, authorization: string): SuccessEnvelope<unknown> => {
    if (path === OAUTH2_PATH) return { status: 0, body: requesttoken(form) };
    if (path === MEASURE_PATH) return { status: 0, body: getmeas(form, authorization) };
    throw new Error(`nothing asks Withings for ${path}`);
  };

  /** Listens on a free port of the loopback. */
  const listen = async (): Promise<{ origin: string; close: () => void }> => {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { pathname } = new URL(request.url ?? '/', 'http://withings.invalid');
        const text = JSON.stringify(answer(pathname, new URLSearchParams(body), request.headers.authorization ?? ''));
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      origin: `http://127.0.0.1:${port}`,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  };

  return { answer, listen };
};
