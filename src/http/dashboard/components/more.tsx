/** The way to the next page of a list, where there is one. */
export const More = ({ next, label = 'Show more' }: { next: string | undefined; label?: string }) =>
  next === undefined ? null : (
    <p class="more">
      <a href={next}>{label}</a>
    </p>
  );
