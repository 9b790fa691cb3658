import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
} from 'node:crypto';

/** Whose pseudonyms are made, and of which event; the key never leaves the mesh. */
export interface PseudonymScope {
  key: Buffer;
  contract: string;
  acceptedAt: Date;
  /** The event's, a ULID. */
  sequence: string;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_LENGTH = 10;
const MARK = 'ps_';
const MOST_KEYS = 5000;
/** By the mesh's key, which is one and the same for a function's life, then by contract and use. */
const keys = new WeakMap<Buffer, Map<string, KeyObject>>();
const ciphers = new WeakMap<Buffer, Map<string, Cipheriv>>();

/** 128 bits of an HMAC per contract and use: equal values stay equal within them, and only within them. */
export function pseudonym(
  { key, contract }: Pick<PseudonymScope, 'key' | 'contract'>,
  use: string,
  value: string,
): string {
  return (
    MARK +
    createHmac('sha256', keyFor(key, contract, use))
      .update(value)
      .digest('base64url')
      .slice(0, 22)
  );
}

/**
 * The id under which a contract that pseudonymises delivers an event: its sequence, one AES block under a key of the
 * contract's. Nobody outside can tell it from a random text; the mesh reads it back, so that its consumer can ask about it.
 */
export function deliveredId(scope: Pick<PseudonymScope, 'key' | 'contract' | 'sequence'>): string {
  return MARK + cipherFor(scope, 'id').update(bytesOf(scope.sequence)).toString('base64url');
}

/** The sequence of the event that was delivered under an id; undefined for a text that cannot be one. */
export function sequenceOf(
  { key, contract }: Pick<PseudonymScope, 'key' | 'contract'>,
  id: string,
): string | undefined {
  const block = Buffer.from(id.slice(MARK.length), 'base64url');
  if (!id.startsWith(MARK) || block.length !== 16 || MARK + block.toString('base64url') !== id)
    return undefined;
  const decipher = createDecipheriv('aes-256-ecb', keyFor(key, contract, 'id'), null).setAutoPadding(false);
  return textOf(decipher.update(block));
}

/** The sequence as such a contract delivers it: it sorts by the same millisecond, and is nobody else's. */
export function deliveredSequence(scope: Pick<PseudonymScope, 'key' | 'contract' | 'sequence'>): string {
  const { sequence } = scope;
  return (
    sequence.slice(0, TIME_LENGTH) +
    textOf(cipherFor(scope, 'sequence').update(bytesOf(sequence))).slice(TIME_LENGTH)
  );
}

function keyFor(key: Buffer, contract: string, use: string): KeyObject {
  return kept(keys, key, `${contract} ${use}`, (name) =>
    createSecretKey(createHmac('sha256', key).update(name).digest()),
  );
}

/** ECB of one block is a permutation of sequences, which are unique; blocks are independent, so one cipher serves many. */
function cipherFor({ key, contract }: Pick<PseudonymScope, 'key' | 'contract'>, use: string): Cipheriv {
  return kept(ciphers, key, `${contract} ${use}`, () =>
    createCipheriv('aes-256-ecb', keyFor(key, contract, use), null).setAutoPadding(false),
  );
}

function kept<Made>(
  all: WeakMap<Buffer, Map<string, Made>>,
  key: Buffer,
  name: string,
  make: (name: string) => Made,
): Made {
  const ofKey = all.get(key) ?? new Map<string, Made>();
  const known = ofKey.get(name);
  if (known) return known;
  if (ofKey.size >= MOST_KEYS) ofKey.clear();
  const made = make(name);
  all.set(key, ofKey.set(name, made));
  return made;
}

/** The 128 bits of a ULID. */
function bytesOf(ulid: string): Buffer {
  const block = Buffer.alloc(16);
  let bits = 0;
  let held = 0;
  let at = 15;
  for (let place = ulid.length - 1; place >= 0 && at >= 0; place -= 1) {
    bits |= CROCKFORD.indexOf(ulid.charAt(place)) << held;
    held += 5;
    while (held >= 8 && at >= 0) {
      block[at] = bits & 255;
      at -= 1;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (at >= 0) block[at] = bits & 255;
  return block;
}

/** 128 bits as a ULID's text. */
function textOf(block: Buffer): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (let at = block.length - 1; at >= 0; at -= 1) {
    bits |= (block[at] ?? 0) << held;
    held += 8;
    while (held >= 5) {
      text = CROCKFORD.charAt(bits & 31) + text;
      bits >>>= 5;
      held -= 5;
    }
  }
  return held > 0 ? CROCKFORD.charAt(bits & 31) + text : text;
}
