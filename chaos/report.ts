import { circumstances } from '../bench/row.ts';
import type { Sum } from './story.ts';

/** One scenario, told. */
export interface Told {
  name: string;
  what: string;
  sent: number;
  accepted: number;
  /** Publishing requests that had to be sent again. */
  refused: number;
  sums: Sum[];
  notes: string[];
  faults: string[];
}

const HEADINGS = [
  'scenario',
  'what goes wrong',
  'sent',
  'accepted',
  'sent again',
  'delivered',
  'parked',
  'lost',
  'duplicates',
  'holds',
  'remarks',
];

const total = (sums: Sum[], of: (sum: Sum) => number): number => sums.reduce((sum, one) => sum + of(one), 0);

const cellsOf = ({ name, what, sent, accepted, refused, sums, notes, faults }: Told): string[] => [
  name,
  what,
  String(sent),
  `${accepted} × ${sums.length}`,
  String(refused),
  String(total(sums, ({ delivered }) => delivered)),
  String(total(sums, ({ parked }) => parked)),
  String(total(sums, ({ lost }) => lost.length)),
  String(total(sums, ({ duplicates }) => duplicates)),
  faults.length === 0 ? 'yes' : '**no**',
  [...notes, ...faults].join('; '),
];

/** The scenarios as a table of Markdown. */
export const tableOf = (told: Told[]): string =>
  [HEADINGS, HEADINGS.map(() => '---'), ...told.map(cellsOf)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

/** The page that keeps the last whole run. */
export const pageOf = (told: Told[]): string => `# Faults

Written by \`npm run chaos\`: the last whole run, ${circumstances(new Date())}.

${tableOf(told)}

How to read it:

- Every scenario runs on one local engine with the deployed functions, and produces its fault there: processes are killed,
  event sources changed, rules deleted, stacks deployed. A proxy between the functions and the engine does to their calls
  what AWS may do: refuse them, close the connection before or after they are done, answer late or in part.
- _Accepted_ is what was answered 202, times the subscriptions that match it. It must be _delivered_ (taken by the
  receiver, event by event) or _parked_ (seen by the consumer as parked, and not taken), for each subscription; nothing may
  still be waiting. _Sent again_ counts publishing requests that were not answered in full: the publisher sends the same
  events until they are accepted.
- _Duplicates_ are events that a receiver took more than once. Each came under one \`webhook-id\` only: at least once, as
  promised.
- A message that the mesh failed ten times over lies in the delivery dead letters. The clock sends it on after a while; the run
  sends it back at once, as the runbook says, and counts it.

Where the engine is not like AWS, and what was done instead:

- It tries a failing batch of the stream for ever, and neither in halves nor ten times: \`route\` itself sets aside what it
  cannot read, so that a broken row holds nobody up on either. What AWS reports of a batch that it gave up on is covered by
  a test of the adapter.
- It never loses stream records within a run: \`lost-day\` has the event source skip them by a filter that matches nothing,
  and then routes the span again as an operator does after an outage of more than 24 h.
- Its event sources ask no proxy, so that reads of the stream and of the queue themselves do not fail; what comes of their
  failing, late or repeated batches, is produced by crashes and by repeated messages.
- The queue hides what was not acknowledged for 5 s here, and for six times the function's time in production: what waits
  for that arrives later there.
`;
