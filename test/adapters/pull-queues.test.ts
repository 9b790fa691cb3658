import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { memoryPullQueues } from '../../adapters/memory/pull-queues.ts';
import { pullQueues } from '../../adapters/sqs/pull-queues.ts';
import type { PullQueues } from '../../domain/ports.ts';
import { engine, eventually, uniqueName } from './given-engine.ts';
import { subscription } from './given-messages.ts';

const makers: Record<string, () => PullQueues> = {
  memory: () => memoryPullQueues(),
  aws: () => pullQueues({ client: new SQSClient(engine()), prefix: uniqueName('pull-') }),
};

const reference = (number: number) => ({
  delivery: `dlv_${number}`,
  key: `key-${number}`,
  sequence: `seq-${number}`,
  // Every other one belongs to a replay.
  ...(number % 2 === 1 && { replay: `rpl_${number}` }),
});

describe.each(Object.keys(makers))('pull queues: %s', (name) => {
  const given = async () => {
    const make = makers[name];
    if (!make) throw new Error(`no maker ${name}`);
    const queues = make();
    return { queues, queue: await queues.create(subscription(1).id) };
  };

  it('makes a queue once', async () => {
    const { queues, queue } = await given();
    expect(await queues.create(subscription(1).id)).toBe(queue);
  });

  it('leases references, as many as asked for, and not twice while the lease stands', async () => {
    const { queues, queue } = await given();
    await queues.send(
      queue,
      Array.from({ length: 12 }, (_, index) => reference(index)),
    );
    const first = await queues.receive(queue, 10, 0, 60);
    const second = await queues.receive(queue, 10, 0, 60);
    expect(first).toHaveLength(10);
    expect(new Set([...first, ...second].map((message) => message.reference.delivery)).size).toBe(12);
    expect(await queues.receive(queue, 10, 0, 60)).toEqual([]);
  });

  it('acknowledged is gone for good; what is no lease is said to be none', async () => {
    const { queues, queue } = await given();
    await queues.send(queue, [reference(1)]);
    const [message] = await queues.receive(queue, 1, 0, 1);
    const lease = message?.lease ?? '';
    expect(message?.reference).toEqual(reference(1));
    expect(await queues.ack(queue, ['', 'no lease', lease, 'ünwahr'])).toEqual([false, false, true, false]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(await queues.receive(queue, 1, 0, 1)).toEqual([]);
  });

  it('acknowledges more leases than one request holds', async () => {
    const { queues, queue } = await given();
    await queues.send(
      queue,
      Array.from({ length: 20 }, (_, index) => reference(index)),
    );
    const messages = [
      ...(await queues.receive(queue, 10, 0, 60)),
      ...(await queues.receive(queue, 10, 0, 60)),
    ];
    expect(
      await queues.ack(
        queue,
        messages.map(({ lease }) => lease),
      ),
    ).toEqual(messages.map(() => true));
  });

  it('a lease that ends gives the reference to the next; released it does so at once', async () => {
    const { queues, queue } = await given();
    await queues.send(queue, [reference(1)]);
    const [lapsing] = await queues.receive(queue, 1, 0, 1);
    expect(lapsing?.reference).toEqual(reference(1));
    const [again] = await eventually(
      () => queues.receive(queue, 1, 0, 60),
      ({ length }) => length > 0,
    );
    expect(again?.reference).toEqual(reference(1));
    expect(await queues.extend(queue, [again?.lease ?? ''], 0)).toEqual([true]);
    expect(await queues.receive(queue, 1, 0, 60)).toHaveLength(1);
  });

  it('an extended lease holds longer', async () => {
    const { queues, queue } = await given();
    await queues.send(queue, [reference(1)]);
    const [message] = await queues.receive(queue, 1, 0, 1);
    expect(await queues.extend(queue, [message?.lease ?? '', 'no lease'], 60)).toEqual([true, false]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(await queues.receive(queue, 1, 0, 1)).toEqual([]);
  });

  it('removes a queue, and one that is gone too', async () => {
    const { queues, queue } = await given();
    await queues.remove(queue);
    await queues.remove(queue);
    await expect(queues.send(queue, [reference(1)])).rejects.toThrow();
  });
});

describe('on AWS alone', () => {
  it('keeps references for 14 days, encrypted', async () => {
    const client = new SQSClient(engine());
    const QueueUrl = await pullQueues({ client, prefix: uniqueName('pull-') }).create(subscription(1).id);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({ MessageRetentionPeriod: '1209600', SqsManagedSseEnabled: 'true' });
  });

  it('waits for a first message no longer than asked, and answers when it comes', async () => {
    const queues = pullQueues({ client: new SQSClient(engine()), prefix: uniqueName('pull-') });
    const queue = await queues.create(subscription(1).id);
    const asked = Date.now();
    const waiting = queues.receive(queue, 1, 5, 60);
    setTimeout(() => void queues.send(queue, [reference(1)]), 300);
    expect(await waiting).toHaveLength(1);
    expect(Date.now() - asked).toBeLessThan(4000);
  });
});
