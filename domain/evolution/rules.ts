import type { SchemaObject } from '../json-schema/dialect.ts';
import { type Fault, pointerToken } from '../../schemas/problem.ts';
import type { Facts } from './facts.ts';
import type { Placed, Schema, Side } from './normalise.ts';

/** What is asked: does all data that obeys the facts, seen from one side, obey a schema of the other side too? */
export interface Asked {
  from: Side;
  to: Side;
  facts: Facts;
  wanted: SchemaObject;
  path: string[];
  /** Asks the same of the same value by another schema. */
  here(wanted: Placed, more?: Schema[]): Fault[];
  /** Asks of a value within: a member, an element, a name. */
  below(given: Schema[], wanted: Placed): Fault[];
}

/** What one group of keywords would refuse; empty where it refuses nothing. */
export type Rule = (asked: Asked) => Fault[];

/** A fault at a place of the schema. */
export const faultAt = (path: string[], message: string): Fault => ({
  path: path.map((part) => `/${pointerToken(part)}`).join(''),
  message,
});

/** The texts of a list, for a message. */
export const said = (values: Iterable<unknown>): string =>
  [...values]
    .slice(0, 10)
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join(', ');
