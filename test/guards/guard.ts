/** One thing that keeps something bad from happening, and how to take it out of the sources. */
export type Guard = {
  name: string;
  /** The threats of SECURITY.md that it answers; none for a guard of the refresh protocol alone. */
  threats?: readonly string[];
  file: string;
  /** A text that the file holds exactly once. */
  find: string;
  replace: string;
  /** The test files of which one should turn red without it, the likeliest first. */
  tests: readonly string[];
};
