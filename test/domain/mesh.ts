import { randomBytes } from 'node:crypto';
import { schemaJudge } from '../../adapters/json-schema/judge.ts';
import { memoryDeadLetters } from '../../adapters/memory/dead-letters.ts';
import { memoryDeliveries } from '../../adapters/memory/deliveries.ts';
import { memoryDeliveryQueue } from '../../adapters/memory/delivery-queue.ts';
import { memoryDestinations } from '../../adapters/memory/destinations.ts';
import { memoryIngressBuses } from '../../adapters/memory/ingress-buses.ts';
import { memoryMailer } from '../../adapters/memory/mailer.ts';
import { memoryLedger } from '../../adapters/memory/ledger.ts';
import { memoryPassages } from '../../adapters/memory/passages.ts';
import { memoryPayloads } from '../../adapters/memory/payloads.ts';
import { memoryPullQueues } from '../../adapters/memory/pull-queues.ts';
import { memoryQuotas } from '../../adapters/memory/quotas.ts';
import { memoryRegistry } from '../../adapters/memory/registry.ts';
import { memoryRules } from '../../adapters/memory/rules.ts';
import { memorySealer } from '../../adapters/memory/sealer.ts';
import { memorySender } from '../../adapters/memory/sender.ts';
import { memorySetAside } from '../../adapters/memory/set-aside.ts';
import { memoryUsage } from '../../adapters/memory/usage.ts';
import { ulid } from 'ulid';
import { catalogueReader } from '../../domain/publish/catalogue.ts';
import { checkUpload } from '../../domain/uploads/check.ts';
import { identify } from '../../domain/identify.ts';
import type { Noun, Nouns } from '../../domain/ports.ts';
import { ownerAsker } from '../../domain/ownership/ask.ts';
import type { Home } from '../../domain/subscriptions/destination.ts';
import { testSender } from '../../domain/subscriptions/test-event.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { territory, type Territory } from '../../schemas/territory.ts';

/** A registry that changes one thing no more: each write of it throws. */
export const refusing = (registry: MemoryMesh['registry'], id: string): MemoryMesh['registry'] => ({
  ...registry,
  write: async (changes) => {
    const isOf = (change: (typeof changes)[number]): boolean =>
      'item' in change && 'id' in change.item && change.item.id === id;
    if (changes.some(isOf)) throw new Error(`broke at ${id}`);
    return registry.write(changes);
  },
});

/** A mesh in memory whose clock a test moves: everything that the API's domain functions need. */
export function meshInMemory(start = '2026-03-01T10:00:00.000Z', more: Partial<Territory> = {}) {
  let instant = new Date(start);
  const now = (): Date => instant;
  const clock = { clock: now };
  const registry = memoryRegistry(clock);
  const sealer = memorySealer();
  const sender = memorySender();
  // What takes the sender's place later is asked then.
  const destinations = memoryDestinations({ send: (request) => sender.send(request) });
  const mailer = memoryMailer();
  const usage = memoryUsage();
  const publicUrl = 'https://mesh.example.org/mesh';
  const described = territory.parse({ id: 'test', name: 'Test', ...more });
  const payloads = memoryPayloads();
  const ledger = memoryLedger(clock);
  const schemas = schemaJudge();
  const uploading = {
    territory: described.id,
    registry,
    ledger,
    payloads,
    now,
    random: randomBytes,
    uploadCheckFor: described.uploadCheckFor,
    uploadRowsBytes: described.uploadRowsBytes,
    nextSequence: (at: Date) => ulid(at.getTime()),
    types: catalogueReader(registry, schemas, { maxAgeMs: 0, now: () => instant.getTime() }),
  };
  return {
    registry,
    now,
    clock: now,
    random: randomBytes,
    chance: () => 0,
    territory: described,
    buses: ['maille-test'],
    rules: memoryRules(),
    ingressBuses: memoryIngressBuses({ prefix: 'maille-test-in-' }),
    pullQueues: memoryPullQueues(clock),
    queue: memoryDeliveryQueue(clock),
    deliveries: memoryDeliveries({ ...clock, usage }),
    quotas: memoryQuotas(),
    passages: memoryPassages(),
    usage,
    deadLetters: memoryDeadLetters(),
    setAside: memorySetAside(clock),
    admitAgain: async () => undefined,
    wakeClock: async () => undefined,
    pause: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, Math.min(ms, 1))),
    sealer,
    sender,
    send: sender.send,
    destinations,
    handOver: destinations.handOver,
    mailer,
    mail: mailer.mail,
    schemas,
    payloads,
    ledger,
    uploading,
    checkUpload: (id: string) => checkUpload(uploading, id),
    keepSeconds: 86_400,
    identify: (authorization: string | undefined) => identify({ registry, now }, authorization),
    checkWebhookUrl: (url: string) => (url.includes('private') ? 'must be public' : undefined),
    home: { partition: 'aws', account: '000000000000', listed: [] } as Home,
    sendTest: testSender({
      handOver: destinations.handOver,
      sealer,
      random: randomBytes,
      now,
      territory: described,
    }),
    askOwner: ownerAsker({
      send: sender.send,
      handOver: destinations.handOver,
      sealer,
      random: randomBytes,
      now,
      territory: described,
      publicUrl,
    }),
    publicUrl,

    /** Moves the clock. */
    later: (ms: number): void => {
      instant = new Date(instant.getTime() + ms);
    },
    /** Puts a thing into the registry as it is. */
    has: async <N extends Noun>(noun: N, item: Nouns[N]): Promise<Nouns[N]> => {
      // Safe: noun and item are of one kind, which the union of changes cannot tell.
      const written = await registry.write([
        { do: 'create', noun, item } as Parameters<typeof registry.write>[0][number],
      ]);
      if (!written) throw new Error(`the ${noun} is there already`);
      return item;
    },
    /** The types of the notices that a participant has, oldest first. */
    noticesOf: async (participant: string): Promise<string[]> => {
      const { items } = await registry.list('noticesOfParticipant', { participant }, { limit: 200 });
      return items.map(({ type }) => type).reverse();
    },
  };
}

/** A mesh in memory. */
export type MemoryMesh = ReturnType<typeof meshInMemory>;

/** The problem that a call ends in; fails when it ends well. */
export async function problemOf(call: Promise<unknown>): Promise<ProblemError['problem']> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error('the call was not refused');
}
