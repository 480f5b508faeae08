/** Files that wrangler bundles as text. */
declare module '*.html' {
  const text: string;
  // oxlint-disable-next-line import/no-default-export -- how wrangler hands a text module over
  export default text;
}
declare module '*.txt' {
  const text: string;
  // oxlint-disable-next-line import/no-default-export -- how wrangler hands a text module over
  export default text;
}
