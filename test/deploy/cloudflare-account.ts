import type { DatabaseSync } from 'node:sqlite';

/** What an account at the stand-in for Cloudflare holds, and what a call to it is. */

export type WantedDatabase = { name: string; jurisdiction?: string; primary_location_hint?: string };
export type Database = WantedDatabase & {
  uuid: string;
  sqlite: DatabaseSync;
  replication: string;
  /** What Time Travel goes back to, oldest first. */
  bookmarks: { at: string; bookmark: string; dump: string }[];
};
export type Binding = { type: string; name: string; text?: string; service?: string; namespace_id?: string };
export type Metadata = {
  placement?: { region?: string };
  bindings: Binding[];
  keep_bindings?: string[];
  assets?: { jwt: string };
};

/** A deployed Worker. Each upload is told by the secrets that came with it. */
export type Worker = {
  secrets: Map<string, string>;
  bindings: Binding[];
  uploads: string[][];
  placement: { region?: string } | undefined;
  crons: string[];
};

export type Cloudflare = {
  accounts: { id: string; name: string }[];
  /** `METHOD path`, in the order of their arrival; the account's prefix left away. */
  requests: string[];
  databases: Database[];
  namespaces: { id: string; title: string; jurisdiction?: string }[];
  /** What was uploaded to be imported, by its MD5. */
  files: Map<string, string>;
  /** By name. */
  workers: Map<string, Worker>;
  /** The one that has the project's name; absent until it was deployed. */
  readonly worker: Worker | undefined;
  /** Whether the broker at the Worker's address refuses requests. */
  isPaused: () => boolean;
  /** Paths of the static assets that it has. */
  assets: Set<string>;
  /** Where a database runs: a hint is granted, and a jurisdiction decides by itself. Undefined if Cloudflare does not say. */
  regionOf: (database: Database) => string | undefined;
  /** Which Worker has which host. */
  domains: Map<string, string>;
  /** Absent until the account has chosen one. */
  subdomain: string | undefined;
};

/** A call: what came, and what its path says. */
export type Call = {
  params: string[];
  query: URLSearchParams;
  body: () => unknown;
  raw: Buffer;
  contentType: string;
  /** Where it came to. */
  origin: string;
};
export type Refusal = { status: number; code: number; message: string };
export const refusal = (status: number, code: number, message: string): { refusal: Refusal } => ({
  refusal: { status, code, message },
});

/** A route by method and path. What its handler returns is the `result` of the answer, unless it is a refusal. */
export type Route = [method: string, path: RegExp, handle: (call: Call) => unknown];
