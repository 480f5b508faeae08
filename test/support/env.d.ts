/** The bindings of `wrangler.toml` and of the test configuration, as the test runner hands them over. */
declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    /** Another database, for what a read replica has. */
    REPLICA: D1Database;
    LINKS: KVNamespace;
    TEST_MIGRATIONS: { name: string; queries: string[] }[];
  }
}

/** A file as text, by the test runner's bundler. */
declare module '*?raw' {
  const text: string;
  // oxlint-disable-next-line import/no-default-export -- how the bundler hands it over
  export default text;
}
