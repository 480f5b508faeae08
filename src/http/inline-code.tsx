import type { Child } from 'hono/jsx';

/** A sentence of ours, with what stands between backticks as code. */
export const inlineCode = (text: string): Child =>
  text.split('`').map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part));
