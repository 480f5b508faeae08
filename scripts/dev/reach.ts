import { isIPv4 } from 'node:net';

import { userError } from '../user-error.ts';
import { LOCALHOST } from './ports.ts';

/** How browsers on other devices reach what `npm run dev` starts. */
export type Reach = {
  /** The address that every server listens on. */
  listenOn: string;
  /** The host in the links that a browser opens. */
  host: string;
  /** The origin of a tunnel to the broker. */
  publicUrl: string | undefined;
};

/** By this address an Android emulator reaches the loopback address of the machine that it runs on. */
const ANDROID_HOST = '10.0.2.2';
const PRIVATE_ADDRESS = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/;

/** Reads `--host` and `--public-url`. */
export const parseReach = ({ host, publicUrl }: { host: string | undefined; publicUrl: string | undefined }): Reach => {
  if (host !== undefined && !(isIPv4(host) && PRIVATE_ADDRESS.test(host))) {
    throw userError(
      `--host takes this machine's address in your network, such as 192.168.1.20, or ${ANDROID_HOST} for an Android emulator.`,
    );
  }
  return {
    listenOn: host === undefined || host === ANDROID_HOST ? LOCALHOST : '0.0.0.0',
    host: host ?? LOCALHOST,
    publicUrl: publicUrl === undefined ? undefined : parsePublicUrl(publicUrl),
  };
};

const parsePublicUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '') {
    throw userError('--public-url takes the https origin of a tunnel, such as https://example.trycloudflare.com.');
  }
  return url.origin;
};

/** Where a browser finds a server on this port. */
export const originOf = ({ host }: Reach, port: number): string => `http://${host}:${port}`;
