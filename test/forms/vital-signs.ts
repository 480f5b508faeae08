import { profiles } from '../fixtures/fhir-r4-vital-signs.json' with { type: 'json' };

/**
 * Holds an Observation against R4's vital signs profiles, as a validator that knows them does: those that bind it by
 * its code, whatever `meta` says, and those that it claims. Reads the profiles' own structure definitions: how often
 * each element stands, its fixed value and the codes of its required binding.
 */

type Element = { id: string; min: number; max: string; fixed?: string; codes?: string[] };
type Json = Record<string, unknown>;

const PROFILES = profiles as Record<string, Element[]>;
const BASE = 'http://hl7.org/fhir/StructureDefinition/vitalsigns';

/** What is wrong with an Observation; empty for one that has no vital sign's code either. */
export const faultsOf = (observation: Json): string[] => {
  const codes = valuesAt([observation], 'code.coding.code');
  const claimed = valuesAt([observation], 'meta.profile') as string[];
  const isVitalSign = valuesAt([observation], 'category.coding.code').includes('vital-signs');
  const binding = Object.keys(PROFILES).filter(
    (url) => claimed.includes(url) || codes.includes(codeOf(url)) || (url === BASE && isVitalSign),
  );
  const unknown = claimed.filter((url) => PROFILES[url] === undefined).map((url) => `claims ${url}`);
  const unclaimed = binding
    .filter((url) => url !== BASE && !claimed.includes(url))
    .map((url) => `does not claim ${url}`);
  return [...unknown, ...unclaimed, ...binding.flatMap((url) => faultsAgainst(PROFILES[url] ?? [], observation))];
};

/** The code by which a profile binds. */
const codeOf = (url: string): string | undefined =>
  PROFILES[url]?.find(({ id }) => /^code\.coding:\w+\.code$/.test(id))?.fixed;

const faultsAgainst = (elements: readonly Element[], resource: Json): string[] =>
  elements.flatMap(({ id, min, max, fixed, codes }) => {
    const segments = id.split('.');
    const parents = segments
      .slice(0, -1)
      .reduce<Json[]>((at, _, index) => step(elements, at, segments, index), [resource]);
    return parents.flatMap((parent) => {
      const found = step(elements, [parent], segments, segments.length - 1);
      if (found.length < min) return [`${id}: ${found.length} of at least ${min}`];
      if (max !== '*' && found.length > Number(max)) return [`${id}: ${found.length} of at most ${max}`];
      return found.flatMap((value: unknown) => {
        const code = typeof value === 'object' ? (value as Json)['code'] : value;
        if (fixed !== undefined && value !== fixed) return [`${id}: ${String(value)} is not ${fixed}`];
        return codes !== undefined && !codes.includes(String(code)) ? [`${id}: ${String(code)} is not bound`] : [];
      });
    });
  });

/** What stands at the next segment of a path: of a slice, those that have all its fixed values. */
const step = (elements: readonly Element[], parents: readonly Json[], segments: readonly string[], index: number) => {
  const [name = '', slice] = (segments[index] ?? '').split(':');
  const found = valuesAt(parents, slice?.startsWith('value') === true ? slice : name) as Json[];
  if (slice === undefined || slice.startsWith('value')) return found;
  const prefix = `${segments.slice(0, index + 1).join('.')}.`;
  const fixed = elements.filter((one) => one.fixed !== undefined && one.id.startsWith(prefix));
  return found.filter((value) =>
    fixed.every((one) => valuesAt([value], one.id.slice(prefix.length).replaceAll(/:\w+/g, '')).includes(one.fixed)),
  );
};

/** Everything that stands at a path; `value[x]` stands for each of its types. */
const valuesAt = (parents: readonly unknown[], path: string): unknown[] =>
  path.split('.').reduce<unknown[]>(
    (at, name) => {
      const start = name.replace('[x]', '');
      const isMeant = (key: string) => (name.endsWith('[x]') ? key.startsWith(start) : key === name);
      return at.flatMap((value) =>
        Object.entries(value as Json).flatMap(([key, inner]) => (isMeant(key) ? inner : [])),
      );
    },
    [...parents],
  );
