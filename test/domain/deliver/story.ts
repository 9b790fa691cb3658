import fc from 'fast-check';

/** What happens to a process: the nth call on a port breaks, and with a crash all that follow. */
export interface Fault {
  nth: number;
  where: 'before' | 'after';
  crash: boolean;
}

/** One thing that happens to a mesh. */
export type Command =
  /** `deliver` is to publish, route and work in one go. */
  | { do: 'publish' | 'deliver'; co2: number[]; fault: Fault | undefined }
  | { do: 'route' | 'work' | 'tick'; fault: Fault | undefined }
  | { do: 'repeat'; which: number }
  | { do: 'answer'; status: number; slowMs: number }
  | { do: 'wait'; seconds: number }
  /** The shared bus takes every other event only. */
  | { do: 'outage'; on: boolean }
  /** And so long after it, whatever comes next. */
  | { do: 'terminate'; which: number; seconds: number }
  | { do: 'pause' | 'resume' | 'recover'; which: number }
  | { do: 'subscribe'; co2: number | undefined; fault: Fault | undefined }
  | { do: 'pull'; ack: boolean; fault: Fault | undefined };

const fault = fc.option(
  fc.record({
    nth: fc.nat({ max: 9 }),
    where: fc.constantFrom('before' as const, 'after' as const),
    crash: fc.boolean(),
  }),
  { nil: undefined, freq: 2 },
);
const which = fc.nat({ max: 5 });
const doing = <const What extends string>(...what: What[]) => fc.constantFrom(...what);

const co2 = fc.array(fc.constantFrom(500, 1500), { minLength: 1, maxLength: 3 });
const status = fc.constantFrom(204, 500, 500, 503, 410);
const slowMs = fc.constantFrom(0, 700, 15_000);
const seconds = fc.constantFrom(1, 2, 6, 6, 130, 310, 1900, 20_000);

/** Anything that may happen, the everyday more often than the rare. */
export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: doing('publish'), co2, fault }) },
  { weight: 8, arbitrary: fc.record({ do: doing('deliver'), co2, fault }) },
  { weight: 8, arbitrary: fc.record({ do: doing('route', 'work', 'work', 'tick'), fault }) },
  { weight: 2, arbitrary: fc.record({ do: doing('repeat'), which }) },
  { weight: 3, arbitrary: fc.record({ do: doing('answer'), status, slowMs }) },
  { weight: 6, arbitrary: fc.record({ do: doing('wait'), seconds }) },
  { weight: 1, arbitrary: fc.record({ do: doing('outage'), on: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: doing('terminate'), which, seconds: fc.constantFrom(0, 3, 6) }) },
  { weight: 2, arbitrary: fc.record({ do: doing('pause', 'resume', 'recover'), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: doing('subscribe'), co2: fc.constantFrom(undefined, 1000), fault }),
  },
  { weight: 2, arbitrary: fc.record({ do: doing('pull'), ack: fc.boolean(), fault }) },
);

const nothing = { fault: undefined };
const crash = (nth: number, where: Fault['where']): { fault: Fault } => ({
  fault: { nth, where, crash: true },
});

/** Stories that once ended badly, or that chance tells too seldom. */
export const known: Command[][] = [
  // A retry is recorded, and its process dies before the next wake-up is sent.
  [
    { do: 'answer', status: 500, slowMs: 0 },
    { do: 'deliver', co2: [500], ...nothing },
    { do: 'wait', seconds: 6 },
    { do: 'work', ...crash(4, 'before') },
    { do: 'work', ...nothing },
  ],
  // The contract stops while what the verdict read of it is still remembered.
  [
    { do: 'deliver', co2: [500], ...nothing },
    { do: 'terminate', which: 0, seconds: 6 },
    { do: 'deliver', co2: [500], ...nothing },
  ],
  // A subscription is in the registry, and its process dies before the rule is put.
  [
    { do: 'subscribe', co2: undefined, ...crash(2, 'after') },
    { do: 'wait', seconds: 130 },
  ],
  // The same, and no beat of the clock can put it for a while.
  [
    { do: 'subscribe', co2: undefined, ...crash(2, 'after') },
    { do: 'wait', seconds: 20_000 },
    { do: 'tick', fault: { nth: 2, where: 'before', crash: false } },
    { do: 'deliver', co2: [500], ...nothing },
  ],
  // A pulled event is acknowledged, and the process dies on the way.
  [
    { do: 'deliver', co2: [500], ...nothing },
    { do: 'pull', ack: true, fault: { nth: 7, where: 'after', crash: false } },
  ],
  // The right to a probe cannot be written once; it is asked for again.
  [
    { do: 'answer', status: 500, slowMs: 0 },
    { do: 'deliver', co2: [500], ...nothing },
    { do: 'deliver', co2: [500], ...nothing },
    { do: 'wait', seconds: 20_001 },
    { do: 'deliver', co2: [500], fault: { nth: 6, where: 'before', crash: false } },
    { do: 'deliver', co2: [500], ...nothing },
  ],
  // A contract ends while much waits behind an open circuit.
  [
    { do: 'answer', status: 500, slowMs: 15_000 },
    { do: 'deliver', co2: [500, 500], ...nothing },
    { do: 'deliver', co2: [500, 500, 500], ...nothing },
    { do: 'deliver', co2: [500, 500, 500], ...nothing },
    { do: 'deliver', co2: [500, 500, 500], ...nothing },
    { do: 'terminate', which: 0, seconds: 0 },
    { do: 'deliver', co2: [500, 500, 500], ...nothing },
  ],
];
