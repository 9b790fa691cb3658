import { execFileSync } from 'node:child_process';
import { HTTP } from 'cloudevents';
import { beforeAll, expect, test } from 'vitest';
import { join } from 'node:path';
import { LOCAL, ROOT } from '../../local/paths.ts';
import { enginePython } from '../../local/python.ts';
import { agree, eventOf, pair, published, type Received, receiver, subscribe, verified } from './world.ts';

const { provider, consumer, dataset } = await pair();
let python: string;
/** Where the library for Python is, beside the engine's own. */
const LIBRARY = join(LOCAL, 'verify');

beforeAll(async () => {
  python = await enginePython();
  const options = ['--quiet', '--disable-pip-version-check', '--upgrade', '--no-deps', '--require-hashes'];
  const from = join(ROOT, 'test/journeys/requirements.txt');
  execFileSync(python, ['-m', 'pip', 'install', ...options, '--target', LIBRARY, '-r', from]);
}, 240_000);

const VERIFY = `
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
try:
    Webhook(given["secret"]).verify(given["body"], given["headers"])
    print("verified")
except WebhookVerificationError as error:
    print(error)
`;

/** What the library of Standard Webhooks for Python says of a request. */
const verifiedByPython = (secret: string, { headers, body }: Received): string =>
  execFileSync(python, ['-c', VERIFY], {
    input: JSON.stringify({ secret, headers, body }),
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: LIBRARY },
  }).trim();

test.each(['structured', 'binary'])(
  'what is delivered in %s mode is verified by two libraries and read by a third, none of them written here',
  async (mode) => {
    const hook = await receiver();
    const contract = await agree(consumer, dataset.id);
    const { secret } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url, mode });
    const event = eventOf(dataset.type, { co2: 912.5, room: 'Salle été "1"' });
    await published(provider, event);
    const [request] = await hook.until(1);
    if (!request) throw new Error('nothing came');

    expect(() => verified(secret, request)).not.toThrow();
    expect(verifiedByPython(secret, request)).toBe('verified');
    const forged = { ...request, body: request.body.replace('912.5', '412.5') };
    expect(() => verified(secret, forged)).toThrow();
    expect(verifiedByPython(secret, forged)).not.toBe('verified');

    const read = HTTP.toEvent({ headers: request.headers, body: request.body });
    expect(read).toMatchObject({ id: event.id, type: dataset.type, data: event.data, dataset: dataset.id });
  },
);
