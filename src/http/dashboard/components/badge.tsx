/** A state in a word. Its color only repeats the word. */
export const Badge = ({ tone, children }: { tone: 'good' | 'wait' | 'bad' | 'plain'; children: string }) => (
  <span class={`badge ${tone}`}>{children}</span>
);
