import { decodeTime } from 'ulid';
import type { Contract } from '../../schemas/contract.ts';
import type { Replay } from '../../schemas/replay.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { eachApart, inTurn } from '../clock/apart.ts';
import { refsOf } from '../clock/release.ts';
import { wants } from '../clock/settle.ts';
import { isOver } from '../contracts/transitions.ts';
import { everyItem } from '../control.ts';
import { contractClause, coversType } from '../deliver/verdict.ts';
import type { DeliveryQueue, Ledger, Registry } from '../ports.ts';
import { routed } from '../route.ts';

/** What driving replays needs of the world. */
export interface AdvanceDeps {
  registry: Registry;
  ledger: Pick<Ledger, 'read' | 'history'>;
  queue: DeliveryQueue;
}

/** How many events of one replay one beat of the clock looks at. */
const PER_BEAT = 2000;
/** And in one turn, before the others have theirs. */
const PER_TURN = 400;
/** After so many events what was reached is kept: no more than these go twice after a crash. */
const PER_WRITE = 200;

/**
 * Drives every running replay a bounded way on, each a portion at a time, the consumers by turns, until `goesOn` says no: one
 * with much to send does not hold up the others, nor one consumer with many. Answers how many events went to be delivered.
 */
export async function advanceReplays(
  deps: AdvanceDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  let sent = 0;
  const running = await Array.fromAsync(everyItem((page) => deps.registry.list('replaysRunning', {}, page)));
  const turns = Array.from({ length: PER_BEAT / PER_TURN }, () => running).flat();
  const through = new Set<string>();
  await eachApart(
    inTurn(turns, ({ consumer }) => consumer, now),
    async ({ id }) => {
      if (through.has(id)) return;
      // One that fails or stands still has no other turn.
      through.add(id);
      const replay = await deps.registry.read('replay', id);
      if (replay?.status !== 'running') return;
      const after = await advanceReplay(deps, replay, PER_TURN, now);
      sent += after.sent - replay.sent;
      if (after.status === 'running' && after.revision > replay.revision) through.delete(id);
    },
    goesOn,
  );
  return sent;
}

/**
 * Drives a replay on by at most so many events: they go to the delivery queue, where each is judged when it is sent, and
 * only then is kept how far it came. Stands still while its contract is suspended; ends with it.
 */
export async function advanceReplay(
  deps: AdvanceDeps,
  replay: Replay,
  most: number,
  now: Date,
): Promise<Replay> {
  const [subscription, contract, provider, consumer] = await deps.registry.readAll([
    { noun: 'subscription', id: replay.subscription },
    { noun: 'contract', id: replay.contract },
    { noun: 'participant', id: replay.provider },
    { noun: 'participant', id: replay.consumer },
  ] as const);
  const over = !subscription || subscription.status === 'ended' || !contract || isOver(contract.state);
  if (over) return moved(deps, replay, { status: 'cancelled' }, now);
  if (contractClause({ contract, provider, consumer }, now) !== undefined) return replay;
  let present = replay;
  let left = most;
  for await (const places of placesBehind(deps.ledger, replay)) {
    for (let start = 0; start < places.length && left > 0; start += PER_WRITE) {
      const some = places.slice(start, start + Math.min(PER_WRITE, left));
      left -= some.length;
      const { seen, sent } = await send(deps, present, { subscription, contract }, some, now);
      const progress = {
        seen: present.seen + seen,
        sent: present.sent + sent,
        reached: some.at(-1)?.sequence ?? present.reached,
      };
      const next = await moved(deps, present, progress, now);
      // Cancelled, or driven by another: theirs counts.
      if (next.revision !== present.revision + 1 || next.status !== 'running') return next;
      present = next;
    }
    if (left <= 0) return present;
  }
  return moved(deps, present, { status: 'done' }, now);
}

async function* placesBehind(
  ledger: Pick<Ledger, 'history'>,
  { dataset, from, to, reached }: Replay,
): AsyncIterable<{ key: string; sequence: string }[]> {
  const start = reached === undefined ? new Date(from) : new Date(decodeTime(reached));
  for await (const page of ledger.history(dataset, start, new Date(to))) {
    const behind = page.filter(({ sequence }) => reached === undefined || sequence > reached);
    if (behind.length > 0) yield behind;
  }
}

async function send(
  deps: AdvanceDeps,
  { id, types }: Replay,
  { subscription, contract }: { subscription: Subscription; contract: Contract },
  places: { key: string; sequence: string }[],
  now: Date,
): Promise<{ seen: number; sent: number }> {
  const entries = await deps.ledger.read(
    places.map(({ key }) => key),
    now,
  );
  // What the contract does not cover is not even counted: its consumer would learn how much there is.
  const covered = entries.flatMap((entry) => (entry && coversType(contract, entry.type) ? [entry] : []));
  const messages = covered.flatMap((entry) => {
    if ((types && !types.includes(entry.type)) || !wants(subscription, routed(entry))) return [];
    const { key, sequence } = entry;
    return [
      {
        message: { subscription: refsOf(subscription), event: { key, sequence }, replay: id },
        delaySeconds: 0,
      },
    ];
  });
  if (messages.length > 0) await deps.queue.send(messages);
  return { seen: covered.length, sent: messages.length };
}

/** The replay after a step; the one that is stored where somebody else moved it meanwhile. */
async function moved(deps: AdvanceDeps, before: Replay, step: Partial<Replay>, now: Date): Promise<Replay> {
  const item: Replay = { ...before, ...step, updatedAt: now.toISOString(), revision: before.revision + 1 };
  if (await deps.registry.write([{ do: 'replace', noun: 'replay', before, item }])) return item;
  return (await deps.registry.read('replay', before.id)) ?? { ...before, status: 'cancelled' };
}
