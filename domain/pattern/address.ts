import { isIPv6 } from 'node:net';

/** An IP address as its bytes, 4 or 16; undefined for a text that is none. */
export function addressBytes(text: string): number[] | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) {
    const bytes = text.split('.').map(Number);
    return bytes.every((byte) => byte <= 255) ? bytes : undefined;
  }
  if (!/^[0-9a-fA-F:]+$/.test(text) || !isIPv6(text)) return undefined;
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 255]);
}

/** A CIDR block: the bytes of its address and how many of their bits count; undefined for a text that is none. */
export function blockOf(text: string): { bytes: number[]; bits: number } | undefined {
  const [address = '', mask = '', more] = text.split('/');
  const bytes = addressBytes(address);
  if (!bytes || more !== undefined || !/^\d{1,3}$/.test(mask)) return undefined;
  const bits = Number(mask);
  return bits < bytes.length * 8 ? { bytes, bits } : undefined;
}

/** Whether an address lies in a block of its own family. */
export function inBlock(text: string, block: string): boolean {
  const address = addressBytes(text);
  const range = blockOf(block);
  if (!address || !range || address.length !== range.bytes.length) return false;
  return address.every((byte, index) => {
    const free = Math.min(8, Math.max(0, (index + 1) * 8 - range.bits));
    return byte >> free === (range.bytes[index] ?? 0) >> free;
  });
}

/** Whether two texts write the same address, as EventBridge judges equality of what looks like one. */
export function sameAddress(a: string, b: string): boolean {
  const bytes = addressBytes(a);
  return bytes !== undefined && bytes.join() === addressBytes(b)?.join();
}
