import type { Subscription } from '../../schemas/subscription.ts';
import { matches } from '../pattern/match.ts';
import type { Payloads, RoutedEvent } from '../ports.ts';
import { isOpaquePayload, isRowsPayload, rowsOf, whole } from './claim.ts';

/**
 * Whether a subscription's filter matches an event, its large data fetched where it has such; one of its rows is enough. A rule lets all of these
 * pass: only here is known what they hold. Throws where the data cannot be read, so that the event comes again.
 */
export async function matchesWhole(
  payloads: Pick<Payloads, 'read'> | undefined,
  { filter }: Pick<Subscription, 'filter'>,
  { event, payload }: RoutedEvent,
): Promise<boolean> {
  if (!filter) return true;
  if (payload === undefined) return matches(filter, event);
  if (isOpaquePayload(payload)) {
    const { dataref: _, ...rest } = event;
    return matches(filter, rest);
  }
  const body = await payloads?.read(payload);
  if (!body) throw new Error(`the data of an event is not there: ${payload}`);
  if (isRowsPayload(payload)) {
    const { dataref: _, ...rest } = event;
    return rowsOf(body).some((data) => matches(filter, { ...rest, data }));
  }
  return matches(filter, whole(event, payload, body));
}
