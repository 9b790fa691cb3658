import { BUS_SOURCE } from '../../events/bus.ts';
import type { Fault } from '../../schemas/problem.ts';
import { conditionsOf, type Pattern } from './flatten.ts';
import { checkFilter } from './grammar.ts';

/** The most characters of an event pattern (EventBridge quota "Event pattern size"). */
export const MAX_PATTERN_LENGTH = 2048;

/** What a subscription's rule selects. */
export interface Selection {
  dataset: string;
  types?: string[] | undefined;
  filter?: Pattern | undefined;
}

/** The event pattern of a subscription's rule on the shared bus, as JSON. */
export const compose = ({ dataset, types, filter }: Selection): string =>
  JSON.stringify({
    source: [BUS_SOURCE],
    ...(types && { 'detail-type': types }),
    detail: { dataset: [dataset], ...(filter && { event: withLargeData(filter) }) },
  });

/** Large data does not travel on the bus: a filter on data lets all that refers to such pass, and `deliver` looks into it. */
const withLargeData = (filter: Pattern): Pattern =>
  conditionsOf(filter).some(({ path }) => path === 'data' || path.startsWith('data.'))
    ? { $or: [filter, { dataref: [{ exists: true }] }] }
    : filter;

/** What would make EventBridge refuse the rule of a selection: its filter's grammar, and the length once composed. */
export function checkSelection(selection: Selection, base = '/filter'): Fault[] {
  const faults = selection.filter ? checkFilter(selection.filter, base) : [];
  if (faults.length > 0) return faults;
  const { length } = compose(selection);
  if (length <= MAX_PATTERN_LENGTH) return [];
  const message = `gives an event pattern of ${length} characters, with its types and dataset; EventBridge takes ${MAX_PATTERN_LENGTH}`;
  return [{ path: selection.filter ? base : '/types', message }];
}
