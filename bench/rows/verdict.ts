import { monotonicFactory } from 'ulid';
import { verdictOn, type Standing } from '../../domain/deliver/verdict.ts';
import { judged, minimisedEvent, stated } from '../../domain/deliver/wire.ts';
import type { RoutedEvent } from '../../domain/ports.ts';
import { minimisation } from '../../schemas/dataset.ts';
import { compare } from '../measure.ts';
import { type Bench, ratioRow } from '../row.ts';

const BLOCKS = 31;
const WARM_UP = 40;
const PER_BLOCK = 1000;
/** A fleet's vehicles come again and again; each event has a rider of its own, whose pseudonym nobody remembers. */
const VEHICLES = 400;

/** What a free-floating fleet tells of one vehicle, with so many points of its way. */
const eventOf = (at: number, points: number): RoutedEvent['event'] => ({
  specversion: '1.0',
  id: `trip-2026-03-04-${at}`,
  source: '//la-rochelle/fleet',
  type: 'org.mobility.vehicle-status.v1',
  subject: `scooter-${at % VEHICLES}`,
  time: '2026-03-04T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: {
    vehicle: { id: `scooter-${at % VEHICLES}`, plate: 'AB-123-CD', battery: 0.6712, odometer: 18_231.4 },
    rider: { id: `r-${at}`, name: 'Camille Martin', phone: '+33600000000', since: '2024-05-01' },
    position: { type: 'Point', coordinates: [-1.151139, 46.160329] },
    speed: 4.2291,
    heading: 187.2,
    note: 'parked close to the market',
    trip: {
      started: '2026-03-04T09:41:12.000Z',
      path: Array.from({ length: points }, (_, point) => ({
        at: `2026-03-04T09:${10 + (point % 50)}:12.000Z`,
        position: { type: 'Point', coordinates: [-1.15 - point / 1000, 46.16 + point / 2000] },
        speed: 3 + point / 7,
      })),
    },
  },
});

const CLAUSES = minimisation.parse([
  { clause: 'rider-name', do: 'drop', path: '/data/rider/name' },
  { clause: 'rider-phone', do: 'drop', path: '/data/rider/phone' },
  { clause: 'plate', do: 'drop', path: '/data/vehicle/plate' },
  { clause: 'note', do: 'drop', path: '/data/note' },
  { clause: 'path', do: 'drop', path: '/data/trip/path/*/position' },
  { clause: 'position', do: 'round', path: '/data/position', to: 200 },
  { clause: 'speed', do: 'round', path: '/data/speed', to: 5 },
  { clause: 'battery', do: 'round', path: '/data/vehicle/battery', to: 0.1 },
  { clause: 'rider', do: 'pseudonymise', path: '/data/rider/id', rotate: 'P1D' },
  { clause: 'late', do: 'delay', by: 'PT1M' },
]);
const WITHOUT_PSEUDONYMS = CLAUSES.map((clause) =>
  clause.do === 'pseudonymise' ? { clause: 'rider', do: 'drop' as const, path: '/data/rider/id' } : clause,
);

/** Only what a verdict reads is there. */
const standingWith = (clauses: typeof CLAUSES): Standing =>
  ({
    subscription: { status: 'active' },
    contract: {
      id: 'ctr_1',
      state: 'active',
      from: '2026-01-01T00:00:00Z',
      terms: { minimisation: clauses },
    },
    dataset: { retentionDays: 30 },
    provider: { status: 'active' },
    consumer: { status: 'active' },
  }) as unknown as Standing;
const key = Promise.resolve(Buffer.alloc(32, 7));
const sealer = { derive: () => key };

const SHAPES = [
  { points: 1, clauses: CLAUSES, what: 'pseudonyms among them' },
  { points: 1, clauses: WITHOUT_PSEUDONYMS, what: 'none a pseudonym' },
  { points: 20, clauses: CLAUSES, what: 'pseudonyms among them' },
  { points: 150, clauses: CLAUSES, what: 'pseudonyms among them' },
];

const ulid = monotonicFactory();
let made = 0;
const eventsOf = (points: number): RoutedEvent[] =>
  Array.from({ length: PER_BLOCK }, () => {
    made += 1;
    return {
      ...{ key: 'k', sequence: ulid(Date.now() - 3_600_000), dataset: 'fleet', schemaVersion: 1 },
      event: eventOf(made, points),
    };
  });

/** CPU of one event, in microseconds, of a block of them. */
async function cpu(work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PER_BLOCK;
}

/** What is thrown away would cost nothing. */
let kept = 0;

async function judge(events: RoutedEvent[], standing: Standing): Promise<void> {
  const now = new Date();
  for (const one of events) {
    if (verdictOn(standing, judged(one), now).kind !== 'redact') throw new Error('it is redacted');
    const { event, sequence } = await minimisedEvent(sealer, one, standing);
    kept += Object.keys(stated(one, event, { sequence })).length;
  }
}

function parseAndSerialise(texts: string[]): void {
  for (const text of texts) kept += JSON.stringify(JSON.parse(text)).length;
}

/** What the contract costs each delivery, against reading and writing the event. */
export const verdictCpu: Bench = {
  name: 'verdict',
  tells:
    'CPU per event of the verdict with minimisation of ten clauses, against parsing and serialising the event',
  async run() {
    const rows = [];
    for (const { points, clauses, what } of SHAPES) {
      const standing = standingWith(clauses);
      const [measured, floor]: [number[], number[]] = [[], []];
      let bytes = 0;
      for (let block = 0; block < WARM_UP + BLOCKS; block += 1) {
        const events = eventsOf(points);
        const texts = events.map(({ event }) => JSON.stringify(event));
        bytes = texts[0]?.length ?? 0;
        const judging = await cpu(() => judge(events, standing));
        const parsing = await cpu(() => parseAndSerialise(texts));
        if (block < WARM_UP) continue;
        measured.push(judging);
        floor.push(parsing);
      }
      const size = `${(bytes / 1024).toFixed(1)} KB`;
      rows.push(ratioRow(`verdict with ten clauses, ${what}: ${size}`, compare(measured, floor), 'µs', 1.5));
    }
    if (kept === 0) throw new Error('nothing was measured');
    return rows;
  },
};
