import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { environment } from '../../functions/clock/environment.ts';
import { denyOwnAccount, toBuckets } from '../handing-over.ts';
import { type HouseFunction, houseFunction, THREADS } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';

/** How often the clock ticks. */
export const TICK = Duration.minutes(1);

/** Releases what is due, settles rules, reconciles, sweeps; each minute, or by hand with a `now`. */
export function clockStep(scope: Construct, props: MeshProps, admit: HouseFunction): HouseFunction {
  const { names, needs, stores } = props;
  const deadLetters = [stores.deliveryDead, stores.ruleDead, stores.routeDead, stores.admitDead];
  const clock = houseFunction(scope, 'clock', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      LEDGER_TABLE: names.ledger,
      REGISTRY_TABLE: names.registry,
      PAYLOADS_BUCKET: props.payloadsBucket,
      DELIVERIES_TABLE: names.deliveries,
      DELIVERY_QUEUE_URL: stores.delivery.queueUrl,
      DELIVERY_QUEUE_ARN: stores.delivery.queueArn,
      RULE_DEAD_LETTERS_ARN: stores.ruleDead.queueArn,
      ROUTE_DEAD_LETTERS_URL: stores.routeDead.queueUrl,
      DELIVERY_DEAD_LETTERS_URL: stores.deliveryDead.queueUrl,
      RULE_DEAD_LETTERS_URL: stores.ruleDead.queueUrl,
      ADMIT_DEAD_LETTERS_URL: stores.admitDead.queueUrl,
      ADMIT_FUNCTION_ARN: admit.lambda.functionArn,
      BUS_NAMES: names.buses.join(','),
      SEALING_KEY_PARAMETER: names.sealingKey,
      HANDING_ROLE: props.handingRoles.clock,
      PUBLIC_URL: props.publicUrl,
      UV_THREADPOOL_SIZE: THREADS,
    },
    failureMeans:
      'retries and delays that are due are late, new subscriptions stay starting, notices are not pushed.',
    grants: [
      needs.readLedger,
      ...needs.sweepPayloads,
      needs.dropParts,
      needs.readLedgerHistory,
      needs.eraseFromLedger,
      needs.sweepLedger,
      needs.readRegistry,
      needs.listRegistry,
      needs.writeRegistry,
      needs.readDeliveries,
      needs.writeDeliveries,
      needs.makeSealingKey,
      needs.listDeliveries,
      needs.listDueDeliveries,
      needs.foldUsage,
      needs.sendToDeliveryQueue,
      needs.servePullQueues,
      toBuckets(Stack.of(scope)),
      needs.putOnSharedBuses,
      { actions: ['lambda:InvokeFunction'], on: [admit.lambda.functionArn] },
      ...needs.manageRules,
      needs.readSealingKey,
      ...needs.sendMail,
      // What it looked at and left is seen by others at once; what others look at is counted.
      {
        actions: [
          'sqs:ReceiveMessage',
          'sqs:DeleteMessage',
          'sqs:ChangeMessageVisibility',
          'sqs:GetQueueAttributes',
        ],
        on: deadLetters.map(({ queueArn }) => queueArn),
      },
    ],
    memoryMb: 256,
    timeout: Duration.minutes(3),
  });
  denyOwnAccount(clock, props.territory, [{ action: 's3:PutObject', but: [] }]);
  new Rule(clock, 'EachMinute', {
    ruleName: names.clockRule,
    schedule: Schedule.rate(TICK),
    targets: [new LambdaFunction(clock.lambda, { retryAttempts: 0 })],
  });
  return clock;
}
