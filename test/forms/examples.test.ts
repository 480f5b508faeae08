import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { validator } from './fhir-validator.ts';
import { faultsOf } from './vital-signs.ts';

/** Examples that have no schema of ours: each is what its form says. */

const examplesOf = (wanted: string) =>
  OPERATIONS.flatMap(({ id, answers }) =>
    answers.flatMap(({ contents = [] }) =>
      contents.flatMap(({ type, example }) => (type === wanted ? [[id, example] as const] : [])),
    ),
  );

test.each(examplesOf('text/csv'))('the CSV of %s is a table with the fields of the JSON beside it', (id, example) => {
  const rows = parse(String(example), { columns: true, bom: true, record_delimiter: '\r\n' }) as Record<
    string,
    string
  >[];
  expect(rows.length).toBeGreaterThan(0);
  const operation = OPERATIONS.find((one) => one.id === id);
  const json = operation?.answers[0]?.contents?.find(({ type }) => type === 'application/json')?.example;
  const text = JSON.stringify(json);
  for (const row of rows) expect(text).toContain(`"metric":"${row['metric']}"`);
});

test.each(examplesOf('application/fhir+json'))('the FHIR of %s is valid', (_, example) => {
  expect(validator.validate(example)).toEqual([]);
  const { entry } = example as { entry: { resource: Record<string, unknown> }[] };
  expect(entry.flatMap(({ resource }) => faultsOf(resource))).toEqual([]);
});
