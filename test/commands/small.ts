/** Commands that measure, draw or take minutes, as small as they go: they do the same work on less. `DIR` is where they write. */
export const SMALL: readonly { command: string; args: readonly string[] }[] = [
  { command: 'npm run screenshots', args: ['screenshots', '--', '--into', 'DIR', '--person', 'nora'] },
  {
    command: 'npm run bench',
    args: ['bench', '--', 'status', 'cpu', 'live', 'memory', '--small', '--json', 'DIR/bench.json'],
  },
  { command: 'npm run torture', args: ['torture', '--', '--runs', '10', '--processes', '1'] },
  { command: 'npm run year', args: ['year', '--', '--connections', '20', '--days', '1'] },
  { command: 'npm run deploy -- --help', args: ['deploy', '--', '--help'] },
  { command: 'npm run guards', args: ['guards', '--', '--list'] },
];
