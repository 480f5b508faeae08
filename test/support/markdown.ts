/** Reading the documentation, for tests that hold it to the code. */

/** The code blocks of a Markdown text that are of a language. */
export const codeBlocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, code = '']) =>
    of === language ? [code] : [],
  );

/** The headings of a Markdown text that are one word of code, at a level. */
export const codeHeadings = (markdown: string, level: number): string[] =>
  [...markdown.matchAll(new RegExp(`^${'#'.repeat(level)} \`(\\w+)\`$`, 'gm'))].map(([, name = '']) => name);

/** The targets of a Markdown text's links into this repository, without anchors. */
export const localLinks = (markdown: string): string[] =>
  [...markdown.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target);
