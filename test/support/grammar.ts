import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

import { Language, type Node, Parser } from 'web-tree-sitter';

/**
 * Reads Swift and Kotlin by the grammars that editors use: no compiler for them comes with npm. A grammar finds what is
 * not written as the language is; it knows nothing of types or of names.
 */

// V8's optimizing compiler runs out of memory over the grammars' one huge function, and nothing here runs long enough
// to need it.
setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');

const require = createRequire(import.meta.url);
const started = Parser.init();

/** Where a text is not written in the language: the line, and what stands there. Empty if all of it is. */
export const syntaxErrors = async (language: 'swift' | 'kotlin', text: string): Promise<string[]> => {
  await started;
  const parser = new Parser();
  parser.setLanguage(await grammar(language));
  const tree = parser.parse(text);
  return tree === null ? ['nothing was read'] : errorsIn(tree.rootNode);
};

const grammars = new Map<string, Promise<Language>>();

const grammar = (language: string): Promise<Language> => {
  const known =
    grammars.get(language) ?? Language.load(require.resolve(`tree-sitter-wasms/out/tree-sitter-${language}.wasm`));
  grammars.set(language, known);
  return known;
};

const errorsIn = (node: Node): string[] => {
  if (!node.hasError) return [];
  if (node.isError || node.isMissing)
    return [`line ${node.startPosition.row + 1}: ${node.isMissing ? node.type : node.text}`];
  return node.children.flatMap((child) => (child === null ? [] : errorsIn(child)));
};
