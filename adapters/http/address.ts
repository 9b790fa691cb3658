import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import type { Territory } from '../../schemas/territory.ts';

/**
 * Whether an IP address is one of the public internet's: global unicast in IANA's registries, and none that stands
 * for another address (IPv4-mapped, 6to4, Teredo, NAT64), since the other one may be anything.
 */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js reads short and octal forms as well, which others read as other addresses.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  // What IANA has not given out lies outside 2000::/3, and ipaddr.js calls it unicast.
  return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || inGlobalUnicast(parsed.toByteArray()));
}

const inGlobalUnicast = ([first = 0]: number[]): boolean => first >> 5 === 1;

/** The address that a URL's hostname literally is, without an IPv6 address's brackets; undefined for a name. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) ? bare : undefined;
}

/** How far webhooks may reach: to which ports, or anywhere where private addresses are allowed. */
export interface Reach {
  privateAddresses: boolean;
  ports: number[];
}

/** How far the webhooks of a territory may reach. */
export const reachOf = ({
  privateWebhooks,
  webhookPorts,
}: Pick<Territory, 'privateWebhooks' | 'webhookPorts'>): Reach => ({
  privateAddresses: privateWebhooks,
  ports: webhookPorts,
});

/** Why a webhook's URL cannot be accepted, from the URL alone; undefined when it can. Names are resolved on sending. */
export function checkWebhookUrl(url: string, { privateAddresses, ports }: Reach): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed) return 'is not a URL';
  if (parsed.username || parsed.password) return 'must not hold a user name or password';
  if (parsed.protocol !== 'https:' && !(privateAddresses && parsed.protocol === 'http:'))
    return 'must begin with https://';
  if (privateAddresses) return undefined;
  if (!ports.includes(parsed.port === '' ? 443 : Number(parsed.port)))
    return `must not use port ${parsed.port || 443}: this territory allows ${ports.join(', ')}`;
  const address = literalAddress(parsed.hostname);
  if (address !== undefined)
    return isPublicAddress(address) ? undefined : 'must not be a private, local or reserved address';
  // TLS knows no dot at the end of a name (RFC 6066 section 3), and who compares names would see another one.
  if (parsed.hostname.endsWith('.')) return 'must name a host without a dot at its end';
  return isPublicName(parsed.hostname) ? undefined : 'must name a host on the public internet';
}

/** Special-use names (RFC 6761, 6762, 8375, 9476, ICANN's .internal) and names without a dot never are public. */
const isPublicName = (hostname: string): boolean =>
  hostname.includes('.') &&
  !/\.(?:localhost|local|internal|alt|test|invalid|example|onion|arpa|home|lan|corp|localdomain)$/.test(
    hostname,
  );
