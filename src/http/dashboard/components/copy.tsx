/** A button that copies a text. The page's script shows it: without scripts, one selects the text. */
export const Copy = ({ text, what }: { text: string; what: string }) => (
  <button class="quiet small" type="button" data-copy={text} aria-label={`Copy ${what}`} hidden>
    Copy
  </button>
);
