/** The link to the next page of a list, if there is one. */
export const More = ({ next, label = 'Show more' }: { next: string | undefined; label?: string }) =>
  next === undefined ? null : (
    <p class="more">
      <a href={next}>{label}</a>
    </p>
  );
