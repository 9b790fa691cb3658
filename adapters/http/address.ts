import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

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

/** Why a webhook's URL cannot be accepted, from the URL alone; undefined when it can. Names are resolved on sending. */
export function checkWebhookUrl(
  url: string,
  { privateAddresses }: { privateAddresses: boolean },
): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed) return 'is not a URL';
  if (parsed.username || parsed.password) return 'must not hold a user name or password';
  if (parsed.protocol !== 'https:' && !(privateAddresses && parsed.protocol === 'http:'))
    return 'must begin with https://';
  if (privateAddresses) return undefined;
  if (!isSensiblePort(parsed.port))
    return `must not use port ${parsed.port}: 443 or one above 1023 that no other protocol owns`;
  const address = literalAddress(parsed.hostname);
  if (address !== undefined)
    return isPublicAddress(address) ? undefined : 'must not be a private, local or reserved address';
  return isPublicName(parsed.hostname) ? undefined : 'must name a host on the public internet';
}

/** Ports above 1023 that browsers refuse too, since a request there could speak to another protocol (WHATWG Fetch). */
const FOREIGN_PORTS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

function isSensiblePort(port: string): boolean {
  if (port === '' || port === '443') return true;
  const number = Number(port);
  return number > 1023 && !FOREIGN_PORTS.has(number);
}

/** Special-use names (RFC 6761, 6762, 8375, 9476, ICANN's .internal) and names without a dot never are public. */
function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '').toLowerCase();
  return (
    name.includes('.') &&
    !/\.(?:localhost|local|internal|alt|test|invalid|example|onion|arpa|home|lan|corp|localdomain)$/.test(
      name,
    )
  );
}
