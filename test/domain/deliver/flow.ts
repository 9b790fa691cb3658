import { monotonicFactory } from 'ulid';
import { memoryBus } from '../../../adapters/memory/bus.ts';
import { memoryLedger } from '../../../adapters/memory/ledger.ts';
import type { MemoryRules } from '../../../adapters/memory/rules.ts';
import { refsOf } from '../../../domain/clock/release.ts';
import { deliver, type DeliverDeps, type DeliverReport } from '../../../domain/deliver/deliver.ts';
import { isFetched } from '../../../domain/deliver/keep.ts';
import { endpointKeeper } from '../../../domain/deliver/health.ts';
import { standingReader } from '../../../domain/deliver/standing.ts';
import { parkedNotice, subscriptionNotice } from '../../../domain/notices.ts';
import type {
  Clock,
  DeliveryMessage,
  Gap,
  LedgerEntry,
  Noun,
  Nouns,
  RoutedEvent,
  RouteGaps,
  Rule,
} from '../../../domain/ports.ts';
import { routed } from '../../../domain/route.ts';
import { recover } from '../../../domain/subscriptions/deliveries.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Dataset } from '../../../schemas/dataset.ts';
import { milliseconds } from '../../../schemas/duration.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import type { Territory } from '../../../schemas/territory.ts';
import { given } from '../../given.ts';
import { meshInMemory } from '../mesh.ts';

/** The gaps of `route` in memory: each is handed out until it is closed. */
export function memoryRouteGaps(): RouteGaps & { waiting: Map<string, Gap>; aside: string[] } {
  const waiting = new Map<string, Gap>();
  const aside: string[] = [];
  let leases = 0;
  return {
    waiting,
    aside,
    setAside: async ({ key }) => void aside.push(key),
    report: async (gap) => void waiting.set(`lease-${(leases += 1)}`, gap),
    receive: async () => [
      ...[...waiting].slice(0, 10).map(([lease, gap]) => ({ gap, lease })),
      ...aside.map((key) => ({ gap: undefined, lease: key })),
    ],
    close: async (lease) => void waiting.delete(lease),
  };
}

/** Where a call on a port breaks: before it did anything, or after it did all. */
export type Break = (port: string, call: string) => 'before' | 'after' | undefined;

/** The port itself, whose calls break where a test says so: what a crash or an outage looks like from inside. */
export function breakable<Port extends object>(name: string, port: Port, breaks: Break): Port {
  return new Proxy(port, {
    get(target, call, receiver) {
      const method: unknown = Reflect.get(target, call, receiver);
      // What only the memory adapter has is the world's own doing.
      if (typeof method !== 'function' || typeof call !== 'string' || ['take', 'on'].includes(call))
        return method;
      return (...given: unknown[]) => {
        const where = breaks(name, call);
        const broken = new Error(`${name}.${call} broke ${where ?? ''}`);
        const iterates = call === 'due' || call === 'history';
        if (where === 'before' && iterates) throw broken;
        if (where === 'before') return Promise.reject(broken);
        const answer: unknown = Reflect.apply(method, target, given);
        if (where !== 'after' || !(answer instanceof Promise)) return answer;
        return answer.then(() => {
          throw broken;
        });
      };
    },
  });
}

/** Rules that match only a while after the bus first sees them, as AWS says of new ones. */
function lagging(rules: MemoryRules, lagMs: number, now: Clock): MemoryRules {
  const seen = new Map<string, number>();
  const put: MemoryRules['put'] = async (rule) => {
    if (!seen.has(rule.name)) seen.set(rule.name, now().getTime());
    await rules.put(rule);
  };
  const ripe = ({ name }: Rule): boolean => now().getTime() - (seen.get(name) ?? 0) >= lagMs;
  return { ...rules, put, on: (bus) => rules.on(bus).filter(ripe) };
}

/** A secret of Standard Webhooks, each number another one. */
export const secretOf = (number: number): string => `whsec_${Buffer.alloc(32, number).toString('base64')}`;

/** What a story has otherwise than `given` tells it. */
interface Story {
  contract?: Partial<Contract>;
  dataset?: Partial<Dataset>;
  subscription?: Partial<Subscription>;
}

/** Lets in whoever waits: their key stays good. */
export const letIn = (): Promise<void> => Promise.resolve();

/** A mesh in memory from the ledger to the receivers, whose clock a test moves and whose ports a test can break. */
export function flowInMemory({
  breaks = (): ReturnType<Break> => undefined,
  ruleLagMs = 0,
  refuses = () => false,
  declares = {},
}: {
  breaks?: Break;
  ruleLagMs?: number;
  refuses?: (event: RoutedEvent) => boolean;
  declares?: Partial<Territory>;
} = {}) {
  const mesh = meshInMemory(undefined, declares);
  const port = <Port extends object>(name: string, made: Port): Port => breakable(name, made, breaks);
  const ulid = monotonicFactory();
  const registry = port('registry', mesh.registry);
  const deliveries = port('deliveries', mesh.deliveries);
  const queue = port('queue', mesh.queue);
  const settling = lagging(mesh.rules, ruleLagMs, mesh.now);
  const rules = port('rules', settling);
  const ledger = port('ledger', memoryLedger({ clock: mesh.now }));
  const bus = port('bus', memoryBus({ buses: mesh.buses, rules: settling, queue: mesh.queue, refuses }));
  const gaps = port('gaps', memoryRouteGaps());
  const pullQueues = port('pullQueues', mesh.pullQueues);
  /** What one function keeps in its own memory. */
  const memory = () => ({
    standings: standingReader(registry, {
      maxAgeMs: milliseconds(mesh.territory.verdictFreshness),
      now: () => mesh.now().getTime(),
    }),
    ...endpointKeeper({ audited: registry, quiet: registry }, mesh.territory, {
      state: subscriptionNotice(mesh.random),
      parked: parkedNotice(mesh.random),
    }),
  });
  const deps: DeliverDeps = {
    ...memory(),
    ledger,
    deliveries,
    queue,
    pullQueues,
    handOver: mesh.destinations.handOver,
    sealer: mesh.sealer,
    quotas: mesh.quotas,
    passages: port('passages', mesh.passages),
    chance: mesh.chance,
    now: mesh.now,
    territory: mesh.territory,
  };
  const nextSequence = (at: Date): string => ulid(at.getTime());
  const entryOf = (event: CloudEvent): LedgerEntry => {
    const sequence = nextSequence(mesh.now());
    const day = 86_400;
    const expires = Math.floor(mesh.now().getTime() / 1000) + 30 * day;
    return given.entry({
      key: `key-${sequence}`,
      sequence,
      type: event.type,
      body: JSON.stringify(event),
      expires,
    });
  };

  /** Parties, dataset and contract as `given` has them. */
  const agrees = async ({ contract, dataset }: Omit<Story, 'subscription'> = {}): Promise<Contract> => {
    for (const id of ['atmo', 'app']) {
      if (!(await mesh.registry.read('participant', id)))
        await mesh.has('participant', given.participant({ id }));
    }
    if (!(await mesh.registry.read('dataset', 'school-air')))
      await mesh.has('dataset', given.dataset(dataset));
    return mesh.has('contract', given.contract(contract));
  };

  /** A subscription to a contract as `given` has it, but no rule. */
  const subscribes = async (contract: Contract, more: Partial<Subscription> = {}): Promise<Subscription> => {
    const sealed = await mesh.sealer.seal(secretOf(1));
    const wish = given.subscription({ contract: contract.id, secrets: [{ sealed }], ...more });
    if (isFetched(wish.destination)) wish.pullQueue = await mesh.pullQueues.create(wish.id);
    return mesh.has('subscription', wish);
  };

  return {
    ...mesh,
    registry,
    deliveries,
    queue,
    rules,
    ledger,
    bus,
    gaps,
    pullQueues,
    standings: deps.standings,
    deps,
    nextSequence,

    agrees,

    subscribes,

    /** A subscription with all that it stands on. */
    async begins({ subscription, ...story }: Story = {}) {
      const contract = await agrees(story);
      return { contract, subscription: await subscribes(contract, subscription) };
    },

    /** Changes a thing of the registry as somebody else would. */
    async changes<N extends Noun>(noun: N, id: string, more: Partial<Nouns[N]>): Promise<Nouns[N]> {
      const before = (await mesh.registry.read(noun, id)) as Nouns[N];
      const item = { ...before, ...more };
      // Safe: noun, before and item are of one kind, which the union of changes cannot tell.
      const change = { do: 'replace', noun, before, item } as Parameters<
        typeof mesh.registry.write
      >[0][number];
      if (!(await mesh.registry.write([change]))) throw new Error(`the ${noun} was not changed`);
      return item;
    },

    /** An event in the ledger, accepted now. */
    async accepted(more: Partial<CloudEvent> = {}): Promise<LedgerEntry> {
      const entry = entryOf(given.event({ time: mesh.now().toISOString(), ...more }));
      await ledger.append([entry]);
      return entry;
    },

    /** The wake-up that a subscription's rule makes of an event. */
    matched: (subscription: Subscription, entry: LedgerEntry): DeliveryMessage => ({
      subscription: refsOf(subscription),
      event: routed(entry),
    }),

    deliver: (...messages: DeliveryMessage[]): Promise<DeliverReport> => deliver(deps, messages),

    /** Another function that runs beside it. */
    another() {
      const others: DeliverDeps = { ...deps, ...memory() };
      return { deliver: (...messages: DeliveryMessage[]) => deliver(others, messages) };
    },

    /** Sends what was parked or withheld again. */
    recovers: (id: string) =>
      recover({ ...mesh, deliveries, queue, registry }, given.caller('app'), id, '2000-01-01T00:00:00Z'),

    /** Delivers all that is visible on the queue, in one batch. */
    wakes: (): Promise<DeliverReport> => deliver(deps, mesh.queue.take()),

    delivery: async (id: string) => (await mesh.deliveries.read([id]))[0],
    subscription: async (id: string) => (await mesh.registry.read('subscription', id)) as Subscription,
    /** What receivers answer from now on. */
    answers: (status: number, more: { retryAfter?: string } = {}): void => {
      mesh.sender.answer = () => ({ kind: 'answer', status, body: '', ...more });
    },
    /** The ids of the deliveries that were sent, in order. */
    sent: (): string[] => mesh.sender.requests.map(({ headers }) => headers['webhook-id'] ?? ''),
  };
}

/** A flow in memory. */
export type MemoryFlow = ReturnType<typeof flowInMemory>;
