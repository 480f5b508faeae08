import { readFileSync } from 'node:fs';

import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** The project whose tests hold every answer against the OpenAPI document. */
const PROJECT = 'workerd';

/**
 * Fails a run in which some answer that the OpenAPI document describes was given by no test. What is documented and
 * never seen is either not tested or cannot happen. A run of some files, or of some tests, is not judged.
 *
 * @param documentFile the OpenAPI document, as the build makes it
 */
export const answersReporter = (documentFile: string): Reporter => {
  let vitest: Vitest | undefined;
  return {
    onInit: (started) => {
      vitest = started;
    },
    onTestRunEnd: async (modules, _, reason) => {
      if (vitest === undefined || reason !== 'passed' || !(await isWhole(vitest, modules))) return;
      const seen = new Set(modules.flatMap(answeredIn));
      const unseen = documented(documentFile).filter((answer) => !seen.has(answer));
      if (unseen.length === 0) return;
      vitest.logger.error(
        `The OpenAPI document describes answers that no test has seen:\n${unseen.map((answer) => `  ${answer}`).join('\n')}`,
      );
      process.exitCode = 1;
    },
  };
};

const isWhole = async (vitest: Vitest, modules: readonly TestModule[]): Promise<boolean> => {
  const ran = new Set(modules.map(({ moduleId }) => moduleId));
  const wanted = (await vitest.globTestSpecifications()).filter(({ project }) => project.name === PROJECT);
  const skipped = modules.some(
    ({ project, children }) => project.name === PROJECT && [...children.allTests('skipped')].length > 0,
  );
  return wanted.length > 0 && wanted.every(({ moduleId }) => ran.has(moduleId)) && !skipped;
};

const answeredIn = ({ children }: TestModule): string[] =>
  [...children.allTests()].flatMap((test) => test.meta().answered ?? []);

/** As `reference-check.ts` notes them: `<operation> <status>`. */
const documented = (file: string): string[] => {
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, Record<string, DocumentedPart>> };
  return Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap(({ operationId, responses = {} }) =>
      operationId === undefined ? [] : Object.keys(responses).map((status) => `${operationId} ${status}`),
    ),
  );
};

/** An operation; the parameters that a path's operations share stand beside them. */
type DocumentedPart = { operationId?: string; responses?: Record<string, unknown> };
