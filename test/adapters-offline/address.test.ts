import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkWebhookUrl, isPublicAddress } from '../../adapters/http/address.ts';

const PRIVATE = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254'],
  ...[
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
  ],
  ...[
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
  ],
  ...[
    '100::1',
    '2001::1',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:808:808::',
  ],
  ...[
    '3fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '::ffff:0:7f00:1',
  ],
  ...['', 'example.org', '1.2.3', '1.2.3.4.5', '8.8.8.010', '0x8.8.8.8'],
];
const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '2a01:e0a::1',
];

describe('a public address', () => {
  it.each(PRIVATE)('is not %s', (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(PUBLIC)('is %s', (address) => expect(isPublicAddress(address)).toBe(true));

  it('never embeds an IPv4 address that is not', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(octet, octet, octet, octet, (a, b, c, d) => {
        const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
        for (const embedding of [
          `::ffff:${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::1`,
          `::${high}:${low}`,
        ]) {
          expect(isPublicAddress(embedding), embedding).toBe(false);
        }
      }),
    );
  });
});

describe('the URL of a webhook', () => {
  const strict = (url: string) => checkWebhookUrl(url, { privateAddresses: false, ports: [443, 8443] });

  it.each([
    'https://example.org/hook?x=1',
    'https://example.org:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'HTTPS://été.example.org/',
  ])('may be %s', (url) => expect(strict(url)).toBeUndefined());

  it.each([
    ['not a url', 'is not a URL'],
    ['http://example.org/', 'must begin with https://'],
    ['ftp://example.org/', 'must begin with https://'],
    ['file:///etc/passwd', 'must begin with https://'],
    ['https://user@example.org/', 'must not hold a user name or password'],
    ['https://user:secret@example.org/', 'must not hold a user name or password'],
    ['https://example.org:22/', 'must not use port 22'],
    ['https://example.org:80/', 'must not use port 80'],
    ['https://example.org:6667/', 'must not use port 6667'],
    ['https://example.org:3000/', 'must not use port 3000'],
    ['https://example.org:0/', 'must not use port 0'],
    ['https://localhost/', 'must name a host'],
    ['https://LOCALHOST./', 'must name a host'],
    ['https://example.org./', 'must name a host without a dot at its end'],
    ['https://metadata.google.internal./', 'must name a host'],
    ['https://metadata.google.ｉnternal/', 'must name a host'],
    ['https://metadata。google。internal/', 'must name a host'],
    ['https://ⓛocalhost/', 'must name a host'],
    ['https://local%68ost/', 'must name a host'],
    ['https://example.org@127.0.0.1/', 'must not hold a user name'],
    ['https://127.0.0.1\\@example.org/', 'must not be a private'],
    ['https://127.0.0.1./', 'must not be a private'],
    ['https://0177.0.0.1/', 'must not be a private'],
    ['https://0x7f.1/', 'must not be a private'],
    ['https://0/', 'must not be a private'],
    ['https://①②⑦.0.0.1/', 'must not be a private'],
    ['https://[fe80::1%25eth0]/', 'is not a URL'],
    ['https://[::ffff:7f00:1]/', 'must not be a private'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'must not be a private'],
    ['https://[2002:7f00:1::]/', 'must not be a private'],
    ['https://[::]/', 'must not be a private'],
    ['https://224.0.0.1/', 'must not be a private'],
    ['https://[ff02::1]/', 'must not be a private'],
    ['https://api.localhost/', 'must name a host'],
    ['https://instance-data/', 'must name a host'],
    ['https://metadata.google.internal/', 'must name a host'],
    ['https://printer.local/', 'must name a host'],
    ['https://1.0.0.127.in-addr.arpa/', 'must name a host'],
    ['https://127.0.0.1/', 'must not be a private'],
    ['https://127.1/', 'must not be a private'],
    ['https://0x7f000001/', 'must not be a private'],
    ['https://017700000001/', 'must not be a private'],
    ['https://2130706433/', 'must not be a private'],
    ['https://１２７.0.0.1/', 'must not be a private'],
    ['https://[::1]/', 'must not be a private'],
    ['https://[::ffff:169.254.169.254]/', 'must not be a private'],
    ['https://[fd00:ec2::254]/', 'must not be a private'],
    ['https://169.254.169.254/latest/meta-data/', 'must not be a private'],
  ])('may not be %s', (url, why) => expect(strict(url)).toContain(why));

  it('may be private and plain HTTP where the territory says so, and never hold a password', () => {
    const open = (url: string) => checkWebhookUrl(url, { privateAddresses: true, ports: [443] });
    expect(open('http://127.0.0.1:9000/hook')).toBeUndefined();
    expect(open('https://localhost/')).toBeUndefined();
    expect(open('ftp://localhost/')).toContain('must begin with');
    expect(open('http://user:x@localhost/')).toContain('must not hold');
  });
});
