import { type Cipheriv, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { hmac, type _HMAC } from '@noble/hashes/hmac.js';
import { type _SHA256, sha256 } from '@noble/hashes/sha2.js';
import { chanceFrom, sequenceFrom, TIME_LENGTH, writeSequence } from '../sequence.ts';

/** Whose pseudonyms are made, and of which event; the key never leaves the mesh. */
export interface PseudonymScope {
  key: Buffer;
  contract: string;
  acceptedAt: Date;
  /** The event's, a ULID. */
  sequence: string;
}

const MARK = 'ps_';
const MOST_KEYS = 5000;
/** Of all contracts together. What never comes again pays for it: what is remembered, the collector carries about. */
const MOST_PSEUDONYMS = 4000;
const LONGEST_REMEMBERED = 200;

/** An HMAC-SHA256 whose key has been read already. Of a short text, node:crypto takes most of its time to be asked. */
type Mac = _HMAC<_SHA256>;

/** By the mesh's key, which is one and the same for a function's life, then by contract and use. */
const macs = new WeakMap<Buffer, Map<string, Mac>>();
const ciphers = new WeakMap<Buffer, Map<string, Cipheriv>>();

/** One use of a contract's in one period, with its key. */
interface Use {
  key: Buffer;
  contract: string;
  period: number;
  mac: Mac;
}
/** Pseudonyms by use and value: values come again, and an HMAC costs more than all else that is done to a value. */
let known = new WeakMap<Use, Map<string, string>>();
let knownCount = 0;

/**
 * Makes pseudonyms of one use in numbered periods: 128 bits of an HMAC per contract, use and period. Equal values stay
 * equal within them, and only within them.
 */
export function pseudonymsOf(
  useIn: (period: number) => string,
): (scope: PseudonymScope, period: number, value: string) => string {
  // Of one contract in one period there are many events in a row.
  let last: Use | undefined;
  return (scope, period, value) => {
    const { key, contract } = scope;
    if (last?.period !== period || last.contract !== contract || last.key !== key) {
      const mac = macOf(key, contract, useIn(period));
      last = { key, contract, period, mac };
    }
    return value.length > LONGEST_REMEMBERED ? pseudonym(last, value) : remembered(last, value);
  };
}

function remembered(use: Use, value: string): string {
  let ofUse = known.get(use);
  let made = ofUse?.get(value);
  if (made === undefined) {
    if ((knownCount += 1) > MOST_PSEUDONYMS) {
      known = new WeakMap();
      knownCount = 1;
      ofUse = undefined;
    }
    if (!ofUse) known.set(use, (ofUse = new Map()));
    ofUse.set(value, (made = pseudonym(use, value)));
  }
  return made;
}

/** Written over again and again: what is made here is read before anything else happens. */
const digest = Buffer.alloc(32);
let scratch: Mac | undefined;

function pseudonym({ mac }: Use, value: string): string {
  const run = (scratch = mac._cloneInto(scratch));
  run.update(Buffer.from(value)).digestInto(digest);
  return MARK + digest.toString('base64url', 0, 16);
}

/** Whose event it is, and which. */
type Named = Pick<PseudonymScope, 'key' | 'contract' | 'sequence'>;

/**
 * The id under which a contract that pseudonymises delivers an event: its sequence, one AES block under a key of the
 * contract's. Nobody outside can tell it from a random text; the mesh reads it back, so that its consumer can ask about it.
 */
export const deliveredId = (of: Named): string => MARK + hiddenBlock(of).toString('base64url');

/** The sequence of the event that was delivered under an id; undefined for a text that cannot be one. */
export function sequenceOf(
  { key, contract }: Pick<PseudonymScope, 'key' | 'contract'>,
  id: string,
): string | undefined {
  const block = Buffer.from(id.slice(MARK.length), 'base64url');
  if (!id.startsWith(MARK) || block.length !== 16 || MARK + block.toString('base64url') !== id)
    return undefined;
  const decipher = createDecipheriv('aes-256-ecb', keyFor(key, contract, 'id'), null).setAutoPadding(false);
  return sequenceFrom(decipher.update(block));
}

/** The sequence as such a contract delivers it: it sorts by the same millisecond, and the rest is of its id. */
export const deliveredSequence = (of: Named): string =>
  of.sequence.slice(0, TIME_LENGTH) + chanceFrom(hiddenBlock(of));

/** The last block that was made, and of what: an event's id and sequence are of one. */
let latest: (Named & { block: Buffer }) | undefined;
const plain = Buffer.alloc(16);

function hiddenBlock({ key, contract, sequence }: Named): Buffer {
  if (latest?.sequence !== sequence || latest.contract !== contract || latest.key !== key) {
    writeSequence(sequence, plain);
    latest = { key, contract, sequence, block: cipherFor(key, contract).update(plain) };
  }
  return latest.block;
}

/** ECB of one block is a permutation of sequences, which are unique; blocks are independent, so one cipher serves many. */
const cipherFor = (key: Buffer, contract: string): Cipheriv =>
  kept(ciphers, key, contract, () =>
    createCipheriv('aes-256-ecb', keyFor(key, contract, 'id'), null).setAutoPadding(false),
  );

const keyFor = (key: Buffer, contract: string, use: string): Buffer =>
  createHmac('sha256', key).update(`${contract} ${use}`).digest();

const macOf = (key: Buffer, contract: string, use: string): Mac =>
  kept(macs, key, `${contract} ${use}`, () => hmac.create(sha256, keyFor(key, contract, use)) as Mac);

function kept<Made>(
  all: WeakMap<Buffer, Map<string, Made>>,
  key: Buffer,
  name: string,
  make: () => Made,
): Made {
  const ofKey = all.get(key) ?? new Map<string, Made>();
  const before = ofKey.get(name);
  if (before) return before;
  if (ofKey.size >= MOST_KEYS) ofKey.clear();
  const made = make();
  all.set(key, ofKey.set(name, made));
  return made;
}
