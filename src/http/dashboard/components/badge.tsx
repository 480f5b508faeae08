/** A state in a word; its colour only repeats what the word says. */
export const Badge = ({ tone, children }: { tone: 'good' | 'wait' | 'bad' | 'plain'; children: string }) => (
  <span class={`badge ${tone}`}>{children}</span>
);
