import { decodeTime } from 'ulid';
import type { Dataset } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Swept } from '../../schemas/round.ts';
import { keptWith } from '../payloads/claim.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { nextPart } from '../clock/round.ts';
import type { Deliveries, Ledger, Payloads, Registry } from '../ports.ts';

const DAY_MS = 86_400_000;
/** What one tick does at most: datasets and subscriptions looked at, events and deliveries deleted, days walked. */
const PER_TICK = { datasets: 20, subscriptions: 20, events: 1000, deliveries: 1000, days: 400 };

/** What deleting what has expired needs of the world. */
export interface SweepDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list' | 'write'>;
  ledger: Pick<Ledger, 'history' | 'remove'>;
  deliveries: Pick<Deliveries, 'removeBefore'>;
  payloads: Pick<Payloads, 'remove'>;
  territory: Pick<Territory, 'sweepEvery' | 'sweepAfter'>;
}

/**
 * Deletes what the datasets' present retention no longer covers and the store's own time to live has not reached:
 * events by the ledger's index of time, from where the last sweep ended, and deliveries by their subscription.
 */
export async function sweepExpired(
  deps: SweepDeps,
  now: Date,
): Promise<{ eventsSwept: number; deliveriesSwept: number }> {
  const events = { left: PER_TICK.events, days: PER_TICK.days };
  const deliveries = { left: PER_TICK.deliveries };
  const everyMs = milliseconds(deps.territory.sweepEvery);
  await nextPart<Dataset>(
    deps.registry,
    {
      id: 'sweep-events',
      everyMs,
      perTick: PER_TICK.datasets,
      read: (page) => deps.registry.list('datasets', {}, page),
      work: (datasets) => sweepEvents(deps, datasets, events, now),
    },
    now,
  );
  await nextPart<Subscription>(
    deps.registry,
    {
      id: 'sweep-deliveries',
      // A subscription costs four queries even when there is nothing: once a day is soon enough after TTL.
      everyMs: 24 * everyMs,
      perTick: PER_TICK.subscriptions,
      read: (page) => deps.registry.list('subscriptions', {}, page),
      work: (subscriptions) => sweepDeliveries(deps, subscriptions, deliveries, now),
    },
    now,
  );
  return {
    eventsSwept: PER_TICK.events - events.left,
    deliveriesSwept: PER_TICK.deliveries - deliveries.left,
  };
}

/** Before which instant what was accepted is to be deleted. */
const endOf = ({ retentionDays }: Dataset, { territory }: SweepDeps, now: Date): number =>
  now.getTime() - retentionDays * DAY_MS - milliseconds(territory.sweepAfter);

async function sweepEvents(
  deps: SweepDeps,
  datasets: Dataset[],
  budget: { left: number; days: number },
  now: Date,
): Promise<boolean> {
  const marks = await deps.registry.readAll(datasets.map(({ id }) => ({ noun: 'swept', id }) as const));
  for (const [index, dataset] of datasets.entries()) {
    const end = endOf(dataset, deps, now);
    const mark = marks[index];
    const from = mark ? Date.parse(mark.upTo) : Date.parse(dataset.createdAt);
    // A longer retention moves the end back: what lies between is swept when it comes to its end again.
    const upTo = end <= from ? end : await sweepDataset(deps, dataset.id, from, end, budget);
    if (mark ? upTo !== from : upTo > from) await keepMark(deps, mark, { id: dataset.id, upTo: isoOf(upTo) });
    if (upTo < end) return false;
  }
  return true;
}

const isoOf = (instant: number): string => new Date(instant).toISOString();

/** Deletes a dataset's events from one instant to another, as far as the budget goes; answers how far that was. */
async function sweepDataset(
  { ledger, payloads }: SweepDeps,
  dataset: string,
  from: number,
  end: number,
  budget: { left: number; days: number },
): Promise<number> {
  const to = Math.min(end, from + Math.max(0, budget.days) * DAY_MS);
  budget.days -= Math.ceil((to - from) / DAY_MS);
  for await (const page of ledger.history(dataset, new Date(from), new Date(to))) {
    const some = page.slice(0, budget.left);
    const { payloads: names } = await ledger.remove(some);
    // A retention that was shortened ends before the day that their names say.
    await Promise.all(names.flatMap(keptWith).map((name) => payloads.remove(name)));
    budget.left -= some.length;
    const last = some.at(-1) ?? page[0];
    // Its millisecond may have others: it is looked at again.
    if (budget.left === 0) return last ? decodeTime(last.sequence) : from;
  }
  return to;
}

async function keepMark({ registry }: SweepDeps, before: Swept | undefined, item: Swept): Promise<void> {
  await registry.write([
    before ? { do: 'replace', noun: 'swept', before, item } : { do: 'create', noun: 'swept', item },
  ]);
}

async function sweepDeliveries(
  deps: SweepDeps,
  subscriptions: Subscription[],
  budget: { left: number },
  now: Date,
): Promise<boolean> {
  const ids = [...new Set(subscriptions.map(({ dataset }) => dataset))];
  const found = await deps.registry.readAll(ids.map((id) => ({ noun: 'dataset', id }) as const));
  const datasetOf = new Map(ids.map((id, index) => [id, found[index]]));
  for (const { id, dataset: name } of subscriptions) {
    const dataset = datasetOf.get(name);
    if (!dataset) continue;
    const end = new Date(endOf(dataset, deps, now));
    budget.left -= await deps.deliveries.removeBefore(id, end, budget.left);
    if (budget.left <= 0) return false;
  }
  return true;
}
