import { minimise } from '../domain/deliver/minimise.ts';
import { type Standing, verdictOn } from '../domain/deliver/verdict.ts';
import { judged, stated } from '../domain/deliver/wire.ts';
import type { RoutedEvent } from '../domain/ports.ts';
import type { CloudEvent } from '../events/cloudevent.ts';
import { minimisation } from '../schemas/dataset.ts';

/** The most that a verdict with ten clauses may take, in times of parsing and serialising the same event. */
const FLOOR = 1.5;
const ROUNDS = 15;
const PER_ROUND = 4000;

/** A free-floating fleet's status, as an operator publishes it: 2.2 KB. */
const event: CloudEvent = {
  specversion: '1.0',
  id: 'trip-2026-03-04-000017',
  source: '//la-rochelle/fleet',
  type: 'org.mobility.vehicle-status.v1',
  subject: 'scooter-0017',
  time: '2026-03-04T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: {
    vehicle: { id: 'scooter-0017', model: 'S3', plate: 'AB-123-CD', battery: 0.6712, odometer: 18_231.4 },
    rider: { id: 'r-882731', name: 'Camille Martin', phone: '+33600000000', since: '2024-05-01' },
    position: { type: 'Point', coordinates: [-1.151139, 46.160329] },
    speed: 4.2291,
    heading: 187.2,
    operator: 'Fleet',
    note: 'parked close to the market',
    zones: ['centre', 'port', 'gare'],
    trip: {
      id: 't-99121',
      started: '2026-03-04T09:41:12.000Z',
      path: Array.from({ length: 20 }, (_, at) => ({
        at: `2026-03-04T09:${41 + Math.floor(at / 2)}:12.000Z`,
        position: { type: 'Point', coordinates: [-1.15 - at / 1000, 46.16 + at / 2000] },
        speed: 3 + at / 7,
      })),
    },
  },
};

const clauses = minimisation.parse([
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

const routed: RoutedEvent = {
  key: 'k',
  sequence: '01KJVN1XG0ABCDEFGHJKMNPQRS',
  dataset: 'fleet',
  schemaVersion: 1,
  event,
};
const active = { status: 'active' };
// Only what a verdict reads is there.
const standing = {
  subscription: { status: 'active' },
  contract: { state: 'active', from: '2026-01-01T00:00:00Z', terms: { minimisation: clauses } },
  dataset: { retentionDays: 30 },
  provider: active,
  consumer: active,
} as unknown as Standing;
const key = Buffer.alloc(32, 7);
const now = new Date('2026-03-05T00:00:00Z');
const text = JSON.stringify(event);

const floor = (): number => JSON.stringify(JSON.parse(text)).length;
function verdict(): number {
  const facts = judged(routed);
  if (verdictOn(standing, facts, now).kind !== 'redact') throw new Error('it is redacted');
  const scope = { key, contract: 'ctr_1', acceptedAt: facts.acceptedAt, sequence: routed.sequence };
  return Object.keys(stated(routed, minimise(event, clauses, scope))).length;
}

function microseconds(work: () => number): number {
  const began = performance.now();
  for (let done = 0; done < PER_ROUND; done += 1) work();
  return ((performance.now() - began) * 1000) / PER_ROUND;
}

const ratios = Array.from({ length: ROUNDS }, () => {
  const [parsed, judgedIn] = [microseconds(floor), microseconds(verdict)];
  return { ratio: judgedIn / parsed, parsed, judgedIn };
}).sort((one, other) => one.ratio - other.ratio);
const median = ratios[Math.floor(ROUNDS / 2)] ?? { ratio: Infinity, parsed: 0, judgedIn: 0 };
process.stdout.write(
  `${JSON.stringify({
    bench: 'verdict with minimisation of ten clauses',
    bytes: text.length,
    parseAndSerialiseMicroseconds: Number(median.parsed.toFixed(2)),
    verdictMicroseconds: Number(median.judgedIn.toFixed(2)),
    ratio: Number(median.ratio.toFixed(2)),
    floor: FLOOR,
  })}\n`,
);
if (median.ratio > FLOOR) process.exitCode = 1;
