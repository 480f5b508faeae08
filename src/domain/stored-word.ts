/**
 * A word of a closed list that the broker stored. As with `parseStored`, another version of the Worker may have written
 * it.
 *
 * @returns undefined if it is absent or not in the list; the caller says what that means
 */
export const parseWord = <Word extends string>(
  words: readonly Word[],
  text: string | null | undefined,
): Word | undefined => words.find((word) => word === text);
