/** The pages above this one. */
export const Crumbs = ({ above }: { above: readonly { label: string; path: string }[] }) => (
  <nav class="crumb" aria-label="Breadcrumbs">
    {above.map(({ label, path }, index) => (
      <>
        {index > 0 && ' / '}
        <a href={path}>{label}</a>
      </>
    ))}
  </nav>
);
