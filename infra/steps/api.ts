import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { environment } from '../../functions/api/environment.ts';
import { arnOf } from '../grants.ts';
import { type HouseFunction, houseFunction, THREADS } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';
import type { FunctionName } from '../names.ts';
import { HTTP_TIMEOUT } from '../timeouts.ts';

/** The control plane: every route but publishing and pulling. */
export function apiStep(scope: Construct, props: MeshProps, admit: HouseFunction): HouseFunction {
  const { names, needs, stores } = props;
  const arnOfFunction = (name: FunctionName): string =>
    arnOf(Stack.of(scope), 'lambda', `function:${names.function(name)}`);
  const [clockArn, deliverArn] = [arnOfFunction('clock'), arnOfFunction('deliver')];
  const redriven = [stores.deliveryDead, stores.ruleDead, stores.admitDead];
  const api = houseFunction(scope, 'api', {
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
      ADMIT_DEAD_LETTERS_ARN: stores.admitDead.queueArn,
      ADMIT_FUNCTION_ARN: admit.lambda.functionArn,
      CLOCK_FUNCTION_ARN: clockArn,
      DELIVERY_DEAD_LETTERS_URL: stores.deliveryDead.queueUrl,
      RULE_DEAD_LETTERS_URL: stores.ruleDead.queueUrl,
      ROUTE_DEAD_LETTERS_URL: stores.routeDead.queueUrl,
      ADMIT_DEAD_LETTERS_URL: stores.admitDead.queueUrl,
      BUS_NAMES: names.buses.join(','),
      SEALING_KEY_PARAMETER: names.sealingKey,
      DELIVER_FUNCTION_ARN: deliverArn,
      PUBLIC_URL: props.publicUrl,
      PULL_QUEUE_PREFIX: names.pullPrefix,
      UV_THREADPOOL_SIZE: THREADS,
    },
    failureMeans: 'nobody can manage contracts or subscriptions; events keep flowing as agreed.',
    grants: [
      needs.readLedger,
      needs.keepPayloads,
      ...needs.readPayloads,
      ...needs.sweepPayloads,
      needs.dropParts,
      needs.joinParts,
      needs.readLedgerHistory,
      needs.eraseFromLedger,
      needs.readRegistry,
      needs.listRegistry,
      needs.writeRegistry,
      needs.readDeliveries,
      needs.writeDeliveries,
      needs.listDeliveries,
      needs.sendToDeliveryQueue,
      ...needs.manageRules,
      ...needs.makeIngressBuses,
      needs.makePullQueues,
      // An operator sends on what was set aside.
      {
        actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'],
        on: redriven.map(({ queueArn }) => queueArn),
      },
      {
        actions: ['sqs:GetQueueAttributes'],
        on: [...redriven, stores.routeDead].map(({ queueArn }) => queueArn),
      },
      // Destinations of AWS are tried by the roles that write there.
      { actions: ['lambda:InvokeFunction'], on: [admit.lambda.functionArn, clockArn, deliverArn] },
      needs.readSealingKey,
      needs.makeSealingKey,
    ],
    memoryMb: 512,
    timeout: HTTP_TIMEOUT,
  });
  return api;
}
