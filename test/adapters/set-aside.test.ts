import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { setAsideQueues } from '../../adapters/sqs/set-aside.ts';
import { engineQueue, routed, subscription } from './given-messages.ts';

it('gives letters with when they were sent, hides them while they are looked at, and lets go of what is left', async () => {
  const { client, url } = await engineQueue('dead');
  const setAside = setAsideQueues({
    client,
    urls: { 'delivery-dead': url, 'rule-dead': url, 'route-dead': url, 'admit-dead': url },
  });
  const message = { subscription: subscription(1), event: routed(1), redriven: 2 };
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(message) }));
  const [letter, ...more] = await setAside.take('delivery-dead');
  expect(more).toEqual([]);
  expect(letter?.letter).toEqual({ kind: 'delivery', message });
  expect(Math.abs(Date.now() - (letter?.since.getTime() ?? 0))).toBeLessThan(10_000);
  expect(await setAside.take('delivery-dead')).toEqual([]);
  await setAside.leave('delivery-dead', letter?.lease ?? '');
  const [again] = await setAside.take('delivery-dead');
  expect(again?.since).toEqual(letter?.since);
  await setAside.remove('delivery-dead', again?.lease ?? '');
  await setAside.leave('delivery-dead', 'made up').catch(() => undefined);
  expect(await setAside.count('delivery-dead')).toBe(0);
});
