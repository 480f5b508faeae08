import { findSimilar } from '@optique/core/suggestion';
import type { Usage, UsageTerm } from '@optique/core/usage';

/** What follows an error in the command line: a name that was meant, and whose help to ask for. */

/** The alternatives that a usage begins with. */
const alternatives = (usage: Usage): readonly Usage[] => {
  const [first] = usage;
  return first?.type === 'exclusive' ? first.terms.flatMap(alternatives) : [usage];
};

/** The command that the arguments name, and what is possible after it. */
const commandOf = (usage: Usage, args: readonly string[]): { names: readonly string[]; after: readonly Usage[] } => {
  const after = alternatives(usage);
  const [name, ...others] = args;
  const chosen = after.find(([first]) => first?.type === 'command' && first.name === name);
  if (name === undefined || chosen === undefined) return { names: [], after };
  const inner = commandOf(chosen.slice(1), others);
  return { ...inner, names: [name, ...inner.names] };
};

/** The names of commands and options in a term. */
const namesIn = (term: UsageTerm): readonly string[] => {
  if (term.type === 'command') return [term.name];
  if (term.type === 'option') return term.names;
  return term.type === 'optional' ? term.terms.flatMap(namesIn) : [];
};

/** @param error the message, which quotes the word that is not known */
export const hintAfter = (error: string, usage: Usage, args: readonly string[]): string => {
  const { names, after } = commandOf(usage, args);
  const unknown = /`([^`]+)`\.\s*$/.exec(error)?.[1];
  const known = after.flatMap((one) => (names.length === 0 || one[0]?.type === 'command' ? one.slice(0, 1) : one));
  const [meant] = unknown === undefined ? [] : findSimilar(unknown, known.flatMap(namesIn), { maxSuggestions: 1 });
  return [
    ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
    names.length === 0 ? 'mushu --help lists the commands.' : `mushu ${names.join(' ')} --help explains it.`,
  ].join('\n');
};
