import {
  DeleteRuleCommand,
  ListRulesCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  type EventBridgeClient,
  type Rule as BusRule,
  type Target,
} from '@aws-sdk/client-eventbridge';
import type { Rule, Rules } from '../../domain/ports.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';

const TARGET_ID = 'delivery';

/** Where the rules are, and where they lead. */
export interface EventRulesOptions {
  client: EventBridgeClient;
  /** The shared buses that `list` reads. */
  buses: string[];
  /** The delivery queue. */
  queueArn: string;
  /** The queue of what EventBridge could not put there. */
  deadLettersArn: string;
}

/** The rules of subscriptions on EventBridge; their names begin as subscriptions' ids do. */
export function eventRules({ client, buses, queueArn, deadLettersArn }: EventRulesOptions): Rules {
  return {
    async put(rule) {
      await client.send(
        new PutRuleCommand({
          Name: rule.name,
          EventBusName: rule.bus,
          EventPattern: rule.pattern,
          State: 'ENABLED',
        }),
      );
      const answer = await client.send(
        new PutTargetsCommand({
          Rule: rule.name,
          EventBusName: rule.bus,
          Targets: [deliveryTarget(rule.subscription, queueArn, deadLettersArn)],
        }),
      );
      const [refused] = answer.FailedEntries ?? [];
      if (refused)
        throw new Error(
          `Rule ${rule.name} got no target: ${refused.ErrorCode} ${refused.ErrorMessage ?? ''}`,
        );
    },

    async remove(bus, name) {
      try {
        await client.send(new RemoveTargetsCommand({ Rule: name, EventBusName: bus, Ids: [TARGET_ID] }));
        await client.send(new DeleteRuleCommand({ Name: name, EventBusName: bus }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    },

    async list() {
      const rules: Awaited<ReturnType<Rules['list']>> = [];
      for (const bus of buses) {
        for await (const { Name, EventPattern } of rulesOf(client, bus)) {
          if (Name) rules.push({ bus, name: Name, pattern: EventPattern ?? '' });
        }
      }
      return rules;
    },
  };
}

async function* rulesOf(client: EventBridgeClient, bus: string): AsyncGenerator<BusRule> {
  let NextToken: string | undefined;
  do {
    const page = await client.send(
      new ListRulesCommand({ EventBusName: bus, NamePrefix: ID_PREFIXES.subscription, NextToken }),
    );
    yield* page.Rules ?? [];
    NextToken = page.NextToken;
  } while (NextToken);
}

/** The one target of a subscription's rule: the delivery queue, each message stamped with its subscription. */
export function deliveryTarget(
  subscription: Rule['subscription'],
  queueArn: string,
  deadLettersArn: string,
): Target {
  const { id, contract, dataset, provider, consumer } = subscription;
  const stamp = JSON.stringify({ id, contract, dataset, provider, consumer });
  return {
    Id: TARGET_ID,
    Arn: queueArn,
    InputTransformer: {
      InputPathsMap: { detail: '$.detail' },
      InputTemplate: `{"subscription":${stamp},"event":<detail>}`,
    },
    // On a standard queue the group makes it fair: one busy subscription does not starve the others.
    SqsParameters: { MessageGroupId: id },
    DeadLetterConfig: { Arn: deadLettersArn },
  };
}
