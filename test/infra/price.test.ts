import { describe, expect, it } from 'vitest';
import { tick } from '../../domain/clock/tick.ts';
import { bill, idlePrice, type Resources, sum, TICK, USD_PER_EUR } from '../../infra/price.ts';
import { flowInMemory } from '../domain/deliver/flow.ts';
import { synthesised } from './synthesised.ts';

const { resources } = synthesised('la-rochelle');

describe('a month in which nothing happens', () => {
  const items = idlePrice(resources);

  it('costs less than 1 EUR, without free tiers', () => {
    expect(sum(items) / USD_PER_EUR, `\n${bill(items)}\n`).toBeLessThan(1);
  });

  it('has every alarm, every timer and every polled queue on its bill, each with its source', () => {
    const count = (type: string) => Object.values(resources).filter(({ Type }) => Type === type).length;
    expect(items.filter(({ what }) => what.startsWith('alarm'))).toHaveLength(
      count('AWS::CloudWatch::Alarm'),
    );
    expect(items.filter(({ what }) => what === 'clock: invocations')).toHaveLength(
      count('AWS::Events::Rule'),
    );
    expect(items.filter(({ what }) => what.includes('polls'))).toHaveLength(1);
    for (const { source } of items) expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
  });

  it('counts what the clock reads at a beat that finds nothing to do', async () => {
    const flow = flowInMemory();
    let [lists, marks] = [0, 0];
    const registry: typeof flow.registry = {
      ...flow.registry,
      list: (...asked) => ((lists += 1), flow.registry.list(...asked)),
      read: (...asked) => ((marks += 1), flow.registry.read(...asked)),
    };
    for (let beats = 0; beats < 3; beats += 1) {
      [lists, marks] = [0, 0];
      flow.later(60_000);
      await tick({ ...flow, registry }, flow.now());
    }
    expect({ lists, marks }).toEqual({ lists: TICK.lists, marks: TICK.marks });
  });

  it('would be too dear with a few more alarms', () => {
    const alarm = { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName: 'one more' } };
    const dearer: Resources = { ...resources, one: alarm, two: alarm, three: alarm };
    expect(sum(idlePrice(dearer)) / USD_PER_EUR).toBeGreaterThan(1);
  });

  it.each([
    [
      'a resource whose price nobody looked up',
      { Type: 'AWS::EC2::NatGateway' },
      /does not know what that costs/,
    ],
    [
      'a table with provisioned capacity',
      { Type: 'AWS::DynamoDB::Table', Properties: {} },
      /paid by the hour/,
    ],
    [
      'a cache',
      { Type: 'AWS::ApiGateway::Stage', Properties: { CacheClusterEnabled: true } },
      /paid by the hour/,
    ],
    [
      'provisioned pollers',
      { Type: 'AWS::Lambda::EventSourceMapping', Properties: { ProvisionedPollerConfig: {} } },
      /paid by the hour/,
    ],
  ])('cannot hold %s', (_, resource, message) => {
    expect(() => idlePrice({ one: resource })).toThrow(message);
  });
});
