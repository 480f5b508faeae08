/** The bindings of `wrangler.toml` and of the test configuration, as the test runner hands them over. */
declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    LINKS: KVNamespace;
    TEST_MIGRATIONS: { name: string; queries: string[] }[];
  }
}
