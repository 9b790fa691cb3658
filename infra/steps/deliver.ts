import { Stack } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { environment } from '../../functions/deliver/environment.ts';
import { arnOf } from '../grants.ts';
import { denyOwnAccount, toBuses, toQueues } from '../handing-over.ts';
import { type HouseFunction, houseFunction, THREADS } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';
import { deliverTimeout } from '../timeouts.ts';

/** From the delivery queue to the consumers, with a verdict just before each send. */
export function deliverStep(scope: Construct, props: MeshProps): HouseFunction {
  const { names, needs, stores } = props;
  const deliver = houseFunction(scope, 'deliver', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      LEDGER_TABLE: names.ledger,
      REGISTRY_TABLE: names.registry,
      PAYLOADS_URL: props.payloadsUrl,
      DELIVERIES_TABLE: names.deliveries,
      DELIVERY_QUEUE_URL: stores.delivery.queueUrl,
      SEALING_KEY_PARAMETER: names.sealingKey,
      HANDING_ROLE: props.handingRoles.deliver,
      PUBLIC_URL: props.publicUrl,
      UV_THREADPOOL_SIZE: THREADS,
    },
    failureMeans: 'consumers receive nothing; deliveries wait in the delivery queue and are tried again.',
    grants: [
      needs.readLedger,
      ...needs.readPayloads,
      needs.readRegistry,
      needs.listRegistry,
      needs.writeRegistry,
      needs.readDeliveries,
      needs.writeDeliveries,
      needs.sendToDeliveryQueue,
      needs.sendToPullQueues,
      toQueues(Stack.of(scope)),
      toBuses(Stack.of(scope)),
      needs.readSealingKey,
      needs.makeSealingKey,
      {
        actions: [
          'sqs:ReceiveMessage',
          'sqs:DeleteMessage',
          'sqs:GetQueueAttributes',
          'sqs:ChangeMessageVisibility',
        ],
        on: [stores.delivery.queueArn],
      },
    ],
    memoryMb: 1024,
    timeout: deliverTimeout(props.territory),
  });
  // No destination that a consumer names may ever lead back into the mesh.
  const stack = Stack.of(scope);
  deliver.deny(['events:PutEvents'], [arnOf(stack, 'events', 'event-bus/maille-*')]);
  deliver.deny(
    ['sqs:SendMessage'],
    [names.deliveryDead, names.ruleDead, names.routeDead, names.admitDead].map((name) =>
      arnOf(stack, 'sqs', name),
    ),
  );
  denyOwnAccount(deliver, props.territory, [
    {
      action: 'sqs:SendMessage',
      but: [stores.delivery.queueArn, arnOf(stack, 'sqs', `${names.pullPrefix}*`)],
    },
    { action: 'events:PutEvents', but: [] },
  ]);
  new EventSourceMapping(deliver, 'FromDeliveryQueue', {
    target: deliver.lambda,
    eventSourceArn: stores.delivery.queueArn,
    batchSize: 10,
    reportBatchItemFailures: true,
  }).node.addDependency(deliver.role);
  return deliver;
}
