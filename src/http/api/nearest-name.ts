/** No name of ours is longer, and comparing long ones takes time. */
export const MAX_NAME_LENGTH = 40;

/** The known name that a mistyped one is meant for; undefined if none is near. */
export const nearestName = (typed: string, known: readonly string[]): string | undefined => {
  if (typed.length > MAX_NAME_LENGTH) return undefined;
  const near = known
    .map((name) => ({ name, distance: distanceOf(typed.toLowerCase(), name) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 3) && distance < name.length / 2);
  return near.toSorted((left, right) => left.distance - right.distance)[0]?.name;
};

/** How many characters have to be added, removed or replaced (Levenshtein). */
const distanceOf = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, character] of Array.from(left).entries()) {
    const above = row;
    row = [index + 1];
    for (let at = 1; at <= right.length; at += 1) {
      const replaced = (above[at - 1] ?? 0) + (character === right[at - 1] ? 0 : 1);
      row[at] = Math.min(replaced, (above[at] ?? 0) + 1, (row[at - 1] ?? 0) + 1);
    }
  }
  return row[right.length] ?? 0;
};
