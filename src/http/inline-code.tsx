import type { Child } from 'hono/jsx';

/** A sentence in which text between backticks is code. */
export const inlineCode = (text: string): Child =>
  text.split('`').map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part));
