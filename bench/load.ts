import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { airEvents } from './given.ts';
import type { Mesh } from './mesh.ts';

const now = (): number => performance.timeOrigin + performance.now();

/** What a sink saw since it was last asked. */
export interface Seen {
  received: number;
  distinct: number;
  lastAt: number;
  tookMs: number[];
}

/** Publishes events of a subject, each stamped with when it should be sent. */
export interface Publisher {
  /**
   * Sends one request with so many events, stamped with `sentAt` (epoch milliseconds), and the same again up to `tries`
   * times; fails unless all were accepted.
   */
  send: (events: number, subject: string, sentAt?: number, tries?: number) => Promise<void>;
  close: () => void;
}

/** Where and as whom events are published. */
export type Door = Pick<Mesh, 'url' | 'provider'>;

/** Publishes by HTTPS's own door over kept connections. */
export function publisher({ url, provider }: Door): Publisher {
  const agent = new Agent({ keepAlive: true });
  const headers = {
    authorization: `Bearer ${provider.key}`,
    'content-type': 'application/cloudevents-batch+json',
  };
  const post = (body: string): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const length = Buffer.byteLength(body);
      const options = { agent, method: 'POST', headers: { ...headers, 'content-length': length } };
      request(`${url}/v1/events`, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve([response.statusCode ?? 0, text]));
      })
        .on('error', reject)
        .end(body);
    });
  return {
    async send(events, subject, sentAt = now(), tries = 1) {
      // Stamped in an extension; the mesh fills in the source, which is another one here than in the given events.
      const batch = airEvents(events, { subject, sentat: String(sentAt), source: undefined });
      const body = JSON.stringify(batch);
      for (let left = tries; ; await sleep(1000)) {
        const [status, answer] = await post(body);
        if (status === 202 && events === known(answer)) return;
        left -= 1;
        if (left <= 0) throw new Error(`publishing was answered ${status}: ${answer.slice(0, 300)}`);
      }
    },
    close: () => agent.destroy(),
  };
}

/** How many events of a batch the mesh has, by this request or by one before it whose answer was lost. */
const known = (answer: string): number =>
  ['accepted', 'duplicates'].reduce(
    (sum, name) => sum + Number(new RegExp(`"${name}":(\\d+)`).exec(answer)?.[1] ?? 0),
    0,
  );

/** Waits until a sink has seen so many deliveries; fails when none comes for 20 s. */
export async function seenBy(sink: string, count: number): Promise<Seen> {
  let [last, since] = [-1, Date.now()];
  for (;;) {
    const { distinct } = (await (await fetch(`${sink}/count`)).json()) as Seen;
    if (distinct >= count) return (await (await fetch(`${sink}/seen`)).json()) as Seen;
    if (distinct !== last) [last, since] = [distinct, Date.now()];
    if (Date.now() - since > 20_000) throw new Error(`${distinct} of ${count} deliveries came`);
    await sleep(50);
  }
}

/** Publishes so many batches of 100 as fast as four connections go; answers how many deliveries came per second. */
export async function flood(
  door: Door,
  sink: string,
  {
    batches,
    subject,
    fanOut,
    events = 100,
  }: { batches: number; subject: string; fanOut: number; events?: number },
): Promise<number> {
  const { send, close } = publisher(door);
  const begun = now();
  let left = batches;
  const connection = async (): Promise<void> => {
    while (left-- > 0) await send(events, subject);
  };
  await Promise.all(Array.from({ length: 4 }, connection));
  const { lastAt } = await seenBy(sink, batches * events * fanOut);
  close();
  return (batches * events * fanOut) / ((lastAt - begun) / 1000);
}

/** The engine starts a process for each request that comes while others are under way; so many serve a gentle rate. */
const MOST_AT_ONCE = 8;

/**
 * Publishes single events at a constant rate, whatever the answers; answers how long each took to its webhook, in ms,
 * from when it should have been sent: what waits for the answer of others hides nothing.
 */
export async function trickle(
  door: Door,
  sink: string,
  { perSecond, seconds, subject }: { perSecond: number; seconds: number; subject: string },
): Promise<number[]> {
  const { send, close } = publisher(door);
  const begun = now();
  const count = perSecond * seconds;
  let next = 0;
  const connection = async (): Promise<void> => {
    while (next < count) {
      const at = begun + (next++ * 1000) / perSecond;
      await sleep(Math.max(0, at - now()));
      // What was answered with 503 is sent again, as a careful publisher does; its time goes on.
      await send(1, subject, at, 10);
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, connection));
  const { tookMs } = await seenBy(sink, count);
  close();
  return tookMs;
}
