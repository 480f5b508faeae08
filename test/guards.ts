/**
 * Takes each guard of the refresh protocol out, one at a time, in a copy of the sources, and runs the tests that should notice. A guard
 * whose removal no test notices is not needed, or not tested: this ends with an error then.
 *
 *     npm run guards [-- <part of a guard's name>]
 *     npm run guards -- --list      names them, and ends with an error where the sources do not hold one as it is written here
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Guard = { name: string; file: string; find: string; replace: string };

const REFRESH = 'src/broker/tokens/refresh.ts';
const TOKENS = 'src/store/tokens/tokens.ts';

const GUARDS: Guard[] = [
  {
    name: 'the lease',
    file: TOKENS,
    find: ".where(and(eq(connections.id, param('connectionId')), eq(connections.state, 'active'), leaseIsFree(param)))",
    replace: ".where(and(eq(connections.id, param('connectionId')), eq(connections.state, 'active')))",
  },
  {
    name: 'the version that a write names',
    file: TOKENS,
    find: "eq(connections.refreshLeaseId, param('id')),\n    eq(connections.tokenVersion, param('tokenVersion')),",
    replace: "eq(connections.refreshLeaseId, param('id')),",
  },
  {
    name: 'the lease that a write names',
    file: TOKENS,
    find: "eq(connections.refreshLeaseId, param('id')),\n    eq(",
    replace: 'eq(',
  },
  {
    name: 'due again at the end of the lease',
    file: TOKENS,
    find: "nextRefreshAt: param('until'),",
    replace: "nextRefreshAt: sql`${param('until')} + 45 * 86400000`,",
  },
  {
    name: 'store before use',
    file: REFRESH,
    find: "if (!stored.ok) return { kind: 'failed', failure: stored.failure, reach: 'perhaps_all' };",
    replace: '',
  },
  {
    name: 'the previous refresh token is kept',
    file: REFRESH,
    find: 'previousRefreshTokenSealed: usedRefreshTokenSealed,',
    replace: 'previousRefreshTokenSealed: null,',
  },
  {
    name: '601 is transient',
    file: REFRESH,
    find: "if (failure.kind !== 'refresh_token_rejected' && !isRefusal(failure))",
    replace: "if (failure.kind !== 'refresh_token_rejected' && !isRefusal(failure) && failure.kind !== 'throttled')",
  },
  {
    name: 'a refusal in unknown words is not believed at once',
    file: REFRESH,
    find: 'return isBelieved ? onRejected(deps, run)',
    replace: 'return !isBelieved ? onRejected(deps, run)',
  },
  {
    name: 'another account’s tokens are not stored',
    file: REFRESH,
    find: 'answer.ok && answer.value.withingsUserId !== tokens.withingsUserId',
    replace: 'answer.ok && tokens.withingsUserId === undefined',
  },
  {
    name: 'suspicion: the client proves itself before anybody is condemned',
    file: REFRESH,
    find: 'if (!proof.ok && !isBeyondProof(run, proof.failure)) return onFailure(deps, run, proof.failure);',
    replace: '',
  },
  {
    name: 'nothing is sent that the lease does not carry',
    file: REFRESH,
    find: 'granted.ok && mayStillSend(lease.until, deps.now())',
    replace: 'granted.ok',
  },
  {
    name: 'a refresh after a doubt is confirmed',
    file: 'src/domain/refresh.ts',
    find: 'wasInDoubt === true ?',
    replace: 'wasInDoubt === null ?',
  },
  {
    name: 'what is in doubt goes first',
    file: TOKENS,
    find: '${dueIn(sql`in_doubt_since IS NOT NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NULL`)}',
    replace: '${dueIn(sql`in_doubt_since IS NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NOT NULL`)}',
  },
  {
    name: 'who condemns names the lease',
    file: TOKENS,
    find: "sql`${connections.refreshLeaseId} IS coalesce(${param('leaseId')}, ${connections.refreshLeaseId})`,",
    replace: '',
  },
  {
    name: 'an activation whose answer was lost is recognised',
    file: 'src/store/link/activation.ts',
    find: 'return row?.rotationId === rotationId;',
    replace: 'return false;',
  },
  {
    name: 'a refresh outlives its client',
    file: 'src/broker/tokens/access-token.ts',
    find: 'deps.waitUntil(work.catch(() => undefined));',
    replace: '',
  },
  {
    name: 'a dead Withings is left alone',
    file: 'src/broker/tokens/refresh-due.ts',
    find: 'if (pauseMs > 0) await closeQuota(',
    replace: 'if (pauseMs < 0) await closeQuota(',
  },
  {
    name: 'the doubts of a disabled app are settled',
    file: 'src/broker/tokens/refresh-due.ts',
    find: 'tokens.appDisabled && !wasInDoubt(tokens, lease)',
    replace: 'tokens.appDisabled',
  },
];

const root = fileURLToPath(new URL('..', import.meta.url).href);
const TESTS = [
  'test/store/activation.test.ts',
  'test/broker/refresh-rules.test.ts',
  'test/broker/refusals.test.ts',
  'test/interleavings/refresh.test.ts',
  'test/broker/refresh-crash.test.ts',
];

/** A copy of everything that the tests need. */
const copySources = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'guards-'));
  for (const name of ['src', 'test', 'scripts', 'migrations', 'package.json', 'tsconfig.json', 'wrangler.toml']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
};

/** The first of the tests that turns red, or undefined where none does. */
const noticedBy = (copy: string): string | undefined =>
  TESTS.find((test) => {
    const run = spawnSync(
      join(root, 'node_modules/.bin/vitest'),
      ['run', '--config', 'test/vitest.config.ts', '--bail', '1', test],
      { cwd: copy, encoding: 'utf8' },
    );
    return run.status !== 0;
  });

/** The source that holds a guard. */
const sourceOf = (folder: string, { file, find }: Guard): string => {
  const source = readFileSync(join(folder, file), 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not hold this exactly once: ${find}`);
  return source;
};

const withoutGuard = (copy: string, guard: Guard): string | undefined => {
  const { file, find, replace } = guard;
  const path = join(copy, file);
  const source = sourceOf(copy, guard);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    return noticedBy(copy);
  } finally {
    writeFileSync(path, source);
  }
};

const list = (): void => {
  for (const guard of GUARDS) {
    sourceOf(root, guard);
    console.log(`${guard.name}  (${guard.file})`);
  }
};

const takeOut = (wanted: string): void => {
  const copy = copySources();
  try {
    if (noticedBy(copy) !== undefined) throw new Error('the tests are red with every guard in place');
    const unnoticed: string[] = [];
    for (const guard of GUARDS.filter(({ name }) => name.includes(wanted))) {
      const test = withoutGuard(copy, guard);
      console.log(
        `${test === undefined ? 'NOT NOTICED' : 'noticed    '}  ${guard.name}${test === undefined ? '' : `  (${test})`}`,
      );
      if (test === undefined) unnoticed.push(guard.name);
    }
    if (unnoticed.length > 0) process.exitCode = 1;
  } finally {
    rmSync(copy, { recursive: true });
  }
};

const [wanted = ''] = process.argv.slice(2);
if (wanted === '--list') list();
else takeOut(wanted);
