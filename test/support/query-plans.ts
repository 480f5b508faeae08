import { env } from 'cloudflare:workers';

/**
 * The query plans of what the broker asks: none may read a table from end to end that grows with apps, users or time.
 */

const issued = new Set<string>();

/** A D1 binding that remembers the statements prepared through it. */
export const watchStatements = (d1: D1Database): D1Database =>
  ({
    prepare: (sql: string) => {
      issued.add(sql);
      return d1.prepare(sql);
    },
    batch: (statements: D1PreparedStatement[]) => d1.batch(statements),
  }) as unknown as D1Database;

/** Forgets what an earlier file has issued. */
export const forgetStatements = (): void => issued.clear();

/** A few rows each, whatever happens; of migrations, as many as there are files. */
const BOUNDED_TABLES = ['request_budgets', 'broker_state', 'd1_migrations'];

/** Every statement, of those issued so far or of a list, whose plan scans a growing table, with the step that does. */
export const findScans = async (statements: readonly string[] = [...issued]): Promise<string[]> => {
  if (statements.length === 0) return [];
  const plans = await env.DB.batch<{ detail: string }>(
    statements.map((sql) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...placeholders(sql))),
  );
  return statements.flatMap((sql, index) =>
    (plans[index]?.results ?? [])
      .filter(({ detail }) => isScan(detail, sql))
      .map(({ detail }) => `${detail} in: ${sql}`),
  );
};

/** A scan of a list that came with the statement, of rows it made up, or of a table that stays small, is none. */
const isScan = (detail: string, sql: string): boolean => {
  const [, name] = /^SCAN (\S+)/.exec(detail) ?? [];
  if (name === undefined || detail.includes('VIRTUAL TABLE')) return false;
  if (/^SCAN ((\d+ )?CONSTANT ROWS?|\d+-ROW VALUES)/.test(detail)) return false;
  const isMadeUp =
    name.startsWith('(') ||
    new RegExp(`\\b${name}\\s*(\\([^)]*\\))?\\s+AS\\s*(MATERIALIZED\\s*)?\\(\\s*(WITH|SELECT|VALUES)`, 'i').test(sql);
  return !isMadeUp && !BOUNDED_TABLES.includes(name);
};

/** As many nulls as the statement has parameters: one without a number follows the largest number so far. */
const placeholders = (sql: string): null[] => {
  const numbers = sql.replaceAll(/'[^']*'/g, '').matchAll(/\?(\d*)/g);
  const count = [...numbers].reduce((most, [, number]) => (number ? Math.max(most, Number(number)) : most + 1), 0);
  return Array.from({ length: count }, () => null);
};
