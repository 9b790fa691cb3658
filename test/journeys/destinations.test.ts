import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  admit,
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  type Party,
  pause,
  published,
  share,
  subscribe,
} from './world.ts';

const sqs = new SQSClient(mesh.engine);
let provider: Party;
let consumer: Party;
let dataset: { id: string; type: string };

beforeAll(async () => {
  provider = await admit('atmo', ['provider']);
  consumer = await admit('metropolis', ['consumer']);
  dataset = await share(provider, {
    offer: {
      purposes: ['research'],
      minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
      approval: 'automatic',
    },
  });
});

/** A queue that a test makes itself, and what is taken out of it. */
async function queueOf(name: string) {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const receive = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
  });
  // The first one only finds out whether the queue lets the mesh in.
  const take = async () => {
    const { Messages = [] } = await sqs.send(receive);
    return Messages.filter(({ Body = '' }) => !Body.includes('maille.verification.v1'));
  };
  // What an earlier test left is nobody's.
  while ((await take()).length > 0);
  return {
    arn: `arn:aws:sqs:${mesh.engine.region}:000000000000:${name}`,
    /** Takes messages until so many have come. */
    until: async (count: number) => {
      const got: Awaited<ReturnType<typeof take>> = [];
      await eventually(async () => {
        got.push(...(await take()));
        if (got.length < count) throw new Error(`${got.length} of ${count} messages came`);
      });
      return got;
    },
    take,
  };
}

const reading = (co2: number) => eventOf(dataset.type, { co2, room: 'Salle 4', teacher: 'Mme Curie' });

describe('a queue of the consumer', () => {
  it('gets events minimised, with the id of their delivery, and nothing once the contract has ended', async () => {
    const queue = await queueOf('journey-readings');
    const contract = await agree(consumer, dataset.id);
    const { id, secret } = await subscribe(consumer, contract, { kind: 'sqs', queueArn: queue.arn });
    expect(secret).toBeUndefined();
    const event = reading(512);
    await published(provider, event);
    const [message] = await queue.until(1);
    const got = JSON.parse(message?.Body ?? '');
    expect(got).toMatchObject({
      specversion: '1.0',
      id: event.id,
      type: dataset.type,
      dataset: dataset.id,
      data: { co2: 512, room: 'Salle 4' },
    });
    expect(message?.Body).not.toContain('Curie');
    expect(message?.MessageAttributes).toMatchObject({
      'content-type': { StringValue: 'application/cloudevents+json' },
      'webhook-id': { StringValue: got.mailledelivery },
      'ce-type': { StringValue: dataset.type },
    });
    const delivery = await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/deliveries/${got.mailledelivery}`);
      expect(body.status).toBe('delivered');
      return body;
    });
    expect(delivery).toMatchObject({
      subscription: id,
      verdict: 'redact',
      attempts: [{ answer: message?.MessageId }],
    });

    await must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });
    await pause(1500);
    await published(provider, reading(513));
    await pause(2000);
    expect(await queue.take()).toEqual([]);
  });

  it('is tested by an event of its own', async () => {
    const queue = await queueOf('journey-readings');
    const { id } = await subscribe(consumer, await agree(consumer, dataset.id), {
      kind: 'sqs',
      queueArn: queue.arn,
    });
    const { body } = await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/test`);
    const [message] = await queue.until(1);
    expect(body).toMatchObject({ answer: message?.MessageId });
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ type: 'maille.test.v1', subject: id });
    await must(204, consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
  });

  it.each([
    [
      'of the account of the mesh that is not listed',
      'arn:aws:sqs:eu-west-3:000000000000:others',
      /ownDestinations/,
    ],
    ['of the mesh itself', 'arn:aws:sqs:eu-west-3:000000000000:maille-test-delivery', /mesh's own/],
    ['of another partition', 'arn:aws-cn:sqs:cn-north-1:111122223333:readings', /partition/],
    ['that is no ARN', 'https://sqs.eu-west-3.amazonaws.com/111122223333/readings', /must be an ARN such as/],
    ['of another service', 'arn:aws:sns:eu-west-3:111122223333:readings', /must be an ARN such as/],
    ['that is a FIFO', 'arn:aws:sqs:eu-west-3:111122223333:readings.fifo', /standard queue/],
  ])('is refused: one %s', async (_, queueArn, message) => {
    const contract = await agree(consumer, dataset.id);
    const { status, body } = await ask(consumer.key, 'POST', '/v1/subscriptions', {
      contract,
      destination: { kind: 'sqs', queueArn },
    });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: '/destination/queueArn', message: expect.stringMatching(message) }]);
  });
});
