/** The examples, imported with `{ type: 'text' }`: esbuild puts their text into the Worker, a plugin into tests. */

declare module '*.swift' {
  const text: string;
  export default text;
}

declare module '*.kt' {
  const text: string;
  export default text;
}
