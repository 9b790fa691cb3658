import { EventBridgeClient, ListTargetsByRuleCommand, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { ADMIT_RULE, ingressBuses } from '../../adapters/eventbridge/ingress-buses.ts';
import { memoryIngressBuses } from '../../adapters/memory/ingress-buses.ts';
import type { IngressBuses } from '../../domain/ports.ts';
import { engine, eventually, uniqueName } from './given-engine.ts';
import { engineQueue } from './given-messages.ts';

const makers: Record<string, (prefix: string) => Promise<IngressBuses>> = {
  memory: async (prefix) => memoryIngressBuses({ prefix }),
  async aws(prefix) {
    const queue = await engineQueue('admit');
    return ingressBuses({
      client: new EventBridgeClient(engine()),
      prefix,
      admitArn: queue.arn,
      deadLettersArn: queue.arn,
    });
  },
};

describe.each(Object.keys(makers))('ingress buses: %s', (name) => {
  it('makes a bus by the name of its participant, and answers the same one again', async () => {
    const prefix = uniqueName('in-');
    const buses = await makers[name]?.(prefix);
    const arn = await buses?.ensure({ id: 'atmo', awsAccount: '123456789012' });
    expect(arn).toMatch(new RegExp(`:event-bus/${prefix}atmo$`));
    expect(await buses?.ensure({ id: 'atmo' })).toBe(arn);
    expect(await buses?.ensure({ id: 'bouygues' })).not.toBe(arn);
  });
});

describe('an ingress bus on AWS', () => {
  it('brings every event to its target, stamped with the participant, whatever the event says', async () => {
    const client = new EventBridgeClient(engine());
    const [admit, dead] = [await engineQueue('admit'), await engineQueue('admit-dead')];
    const prefix = uniqueName('in-');
    const arn = await ingressBuses({ client, prefix, admitArn: admit.arn, deadLettersArn: dead.arn }).ensure({
      id: 'atmo',
    });
    const detail = { participant: 'other', event: { a: 'é "b" \\ <detail> <id>' }, n: [1.5, null] };
    const { Entries } = await client.send(
      new PutEventsCommand({
        Entries: [
          { EventBusName: arn, Source: 'anything', DetailType: 'co2.v1', Detail: JSON.stringify(detail) },
        ],
      }),
    );
    const [message] = await eventually(admit.take, ({ length }) => length > 0);
    expect(JSON.parse(message?.body ?? 'null')).toEqual({
      participant: 'atmo',
      event: {
        id: Entries?.[0]?.EventId,
        'detail-type': 'co2.v1',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
        detail,
      },
    });
    const rule = { Rule: ADMIT_RULE, EventBusName: `${prefix}atmo` };
    const { Targets } = await client.send(new ListTargetsByRuleCommand(rule));
    expect(Targets).toEqual([
      expect.objectContaining({
        DeadLetterConfig: { Arn: dead.arn },
        RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
      }),
    ]);
  });
});
