import canonicalize from 'canonicalize';
import { encodeTime } from 'ulid';
import type { Clock, Deliveries } from '../../domain/ports.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { Tally } from '../../schemas/usage.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { cursorAt, placeOf } from '../cursor.ts';
import { isPast } from '../expiry.ts';

const DUE_PER_PAGE = 100;
const byDueDate = (a: Delivery, b: Delivery): number => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1);

/** The deliveries in memory. */
export function memoryDeliveries({
  clock = () => new Date(),
  usage,
}: { clock?: Clock; usage?: { keep: (tallies: Tally[]) => void } } = {}): Deliveries {
  const store = new Map<string, Delivery>();
  const standing = (): Delivery[] => [...store.values()].filter(({ expires }) => !isPast(expires, clock()));
  return {
    async read(ids) {
      const known = new Map(standing().map((delivery) => [delivery.id, delivery]));
      return ids.map((id) => structuredClone(known.get(id)));
    },

    async write(deliveries, tallies = []) {
      for (const delivery of deliveries) store.set(delivery.id, structuredClone(delivery));
      usage?.keep(tallies);
    },

    async list(subscription, { status, since }, { limit, cursor }) {
      const name = `deliveries#${subscription}`;
      const before = cursor === undefined ? undefined : placeOf(name, cursor);
      const oldest = since && ID_PREFIXES.delivery + encodeTime(Math.max(0, since.getTime()), 10);
      const rest = standing()
        .filter(
          (delivery) => delivery.subscription === subscription && (!status || delivery.status === status),
        )
        .filter(({ id }) => (before === undefined || id < before) && (oldest === undefined || id >= oldest))
        .sort((a, b) => (a.id > b.id ? -1 : 1));
      const shown = rest.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: structuredClone(shown),
        next: last && rest.length > limit ? cursorAt(name, last.id) : null,
      };
    },

    async ofEvent(subscription, sequence) {
      const all = standing().filter((delivery) => delivery.subscription === subscription);
      return structuredClone(all.filter(({ event }) => event.sequence === sequence));
    },

    async replace(before, item) {
      const { dueAt: _, ...seen } = before;
      const { dueAt: __, ...there } = store.get(before.id) ?? {};
      if (canonicalize(there) !== canonicalize(seen)) return false;
      store.set(item.id, structuredClone(item));
      return true;
    },

    async removeBefore(subscription, before, most) {
      const end = ID_PREFIXES.delivery + encodeTime(Math.max(0, before.getTime()), 10);
      const old = [...store.values()].filter((one) => one.subscription === subscription && one.id < end);
      for (const { id } of old.slice(0, most)) store.delete(id);
      return Math.min(old.length, most);
    },

    async *due(now) {
      const until = now.toISOString();
      const due = standing()
        .filter(({ status, dueAt }) => status !== 'waiting' && dueAt !== undefined && dueAt <= until)
        .sort(byDueDate);
      for (let start = 0; start < due.length; start += DUE_PER_PAGE)
        yield structuredClone(due.slice(start, start + DUE_PER_PAGE));
    },

    async waiting(subscription, most) {
      const all = standing().filter((one) => one.subscription === subscription && one.status === 'waiting');
      const due = all.filter(({ dueAt }) => dueAt !== undefined).sort(byDueDate);
      return structuredClone(due.slice(0, most));
    },

    async released(id, dueAt) {
      const delivery = store.get(id);
      if (delivery?.dueAt !== dueAt) return false;
      delete delivery.dueAt;
      return true;
    },
  };
}
