import {
  CreateEventBusCommand,
  DescribeEventBusCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  type EventBridgeClient,
  type Target,
} from '@aws-sdk/client-eventbridge';
import type { IngressBuses } from '../../domain/ports.ts';

/** The rule on each ingress bus that leads to `admit`. */
export const ADMIT_RULE = 'admit';

const EVERY_EVENT = JSON.stringify({ source: [{ prefix: '' }] });
const ONE_DAY_SECONDS = 86_400;

/** How ingress buses are named, and where they lead. */
export interface IngressBusesOptions {
  client: EventBridgeClient;
  /** What the buses' names begin with: the participant's id follows. */
  prefix: string;
  admitArn: string;
  deadLettersArn: string;
}

/** The ingress buses on EventBridge: one for each participant that publishes with the AWS SDK. */
export function ingressBuses({
  client,
  prefix,
  admitArn,
  deadLettersArn,
}: IngressBusesOptions): IngressBuses {
  return {
    async ensure({ id, awsAccount }) {
      const name = `${prefix}${id}`;
      const arn = await createBus(client, name);
      await setPolicy(client, name, arn, awsAccount);
      await client.send(
        new PutRuleCommand({
          Name: ADMIT_RULE,
          EventBusName: name,
          EventPattern: EVERY_EVENT,
          State: 'ENABLED',
        }),
      );
      const target = admitTarget(id, admitArn, deadLettersArn);
      const answer = await client.send(
        new PutTargetsCommand({ Rule: ADMIT_RULE, EventBusName: name, Targets: [target] }),
      );
      const [refused] = answer.FailedEntries ?? [];
      if (refused)
        throw new Error(`Bus ${name} got no target: ${refused.ErrorCode} ${refused.ErrorMessage ?? ''}`);
      return arn;
    },
  };
}

async function createBus(client: EventBridgeClient, name: string): Promise<string> {
  try {
    const made = await client.send(new CreateEventBusCommand({ Name: name }));
    if (made.EventBusArn) return made.EventBusArn;
  } catch (error) {
    if (!(error instanceof ResourceAlreadyExistsException)) throw error;
  }
  const { Arn } = await client.send(new DescribeEventBusCommand({ Name: name }));
  if (!Arn) throw new Error(`Bus ${name} has no ARN`);
  return Arn;
}

/** Replaces the whole policy, so that an account that was there before can no longer put events. */
async function setPolicy(
  client: EventBridgeClient,
  name: string,
  arn: string,
  awsAccount: string | undefined,
): Promise<void> {
  if (awsAccount !== undefined) {
    const Policy = JSON.stringify(ingressPolicy(arn, awsAccount));
    await client.send(new PutPermissionCommand({ EventBusName: name, Policy }));
    return;
  }
  try {
    await client.send(new RemovePermissionCommand({ EventBusName: name, RemoveAllPermissions: true }));
  } catch (error) {
    // AWS says so when there is no policy to remove.
    if (!(error instanceof ResourceNotFoundException)) throw error;
  }
}

/**
 * Who may put events on an ingress bus: the participant's AWS account and no other. An account id as principal names
 * its root in every partition.
 */
export function ingressPolicy(busArn: string, awsAccount: string): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'participant',
        Effect: 'Allow',
        Principal: { AWS: awsAccount },
        Action: 'events:PutEvents',
        Resource: busArn,
      },
    ],
  };
}

/** The target of an ingress bus: `admit`, each event stamped with the participant whose bus it is. */
export function admitTarget(participant: string, admitArn: string, deadLettersArn: string): Target {
  return {
    Id: ADMIT_RULE,
    Arn: admitArn,
    InputTransformer: {
      InputPathsMap: { id: '$.id', type: '$.detail-type', time: '$.time', detail: '$.detail' },
      // The participant comes last: in JSON the last of equal names counts, so that nothing that a publisher can
      // write into its event could stand in for it, however the bus escapes what it fills in.
      InputTemplate: `{"event":{"id":<id>,"detail-type":<type>,"time":<time>,"detail":<detail>},"participant":${JSON.stringify(participant)}}`,
    },
    DeadLetterConfig: { Arn: deadLettersArn },
    RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: ONE_DAY_SECONDS },
  };
}
