import { isOver, type Part, type Transition, TRANSITIONS } from './transitions.ts';

const WHO: { [P in Part]: string } = {
  provider: 'provider',
  consumer: 'consumer',
  dpo: 'DPO',
  mesh: 'the mesh',
};

/** The life of a contract as a page: a Mermaid diagram and a table, both made from the transitions themselves. */
export function statesPage(transitions: readonly Transition[] = TRANSITIONS): string {
  const ways = grouped(transitions);
  return [
    '# The states of a contract',
    '',
    'Written by `npm run docs` from `domain/contracts/transitions.ts`; a test compares it.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> requested: request (consumer)',
    ...ways
      .filter(({ from, to }) => from !== to)
      .map(({ from, to, action, by }) => `  ${from} --> ${to}: ${action} (${by})`),
    ...[...new Set(transitions.map(({ to }) => to))]
      .filter((state) => isOver(state))
      .map((state) => `  ${state} --> [*]`),
    '```',
    '',
    'What leaves the state as it is: a corrected offer; the revision of a contract in force, which the other party (and',
    'the DPO, where the contract needs one) accepts or rejects; a changed offer of the dataset, announced and then',
    'binding; and the decision of the DPO on an agreed contract, after which it starts on its day.',
    '',
    '| in state | what | by | then |',
    '| --- | --- | --- | --- |',
    ...ways.map(({ from, to, action, by }) => `| ${from} | ${action} | ${by} | ${from === to ? '' : to} |`),
    '',
  ].join('\n');
}

/** Ways with all who may take them. */
function grouped(transitions: readonly Transition[]) {
  const ways = Map.groupBy(transitions, ({ action, from, to }) => `${from} ${action} ${to}`);
  return [...ways.values()].flatMap((same) => {
    const [first] = same;
    return first ? [{ ...first, by: same.map(({ by }) => WHO[by]).join(', ') }] : [];
  });
}
