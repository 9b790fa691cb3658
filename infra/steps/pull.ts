import type { Construct } from 'constructs';
import { environment } from '../../functions/pull/environment.ts';
import { type HouseFunction, houseFunction } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';
import { HTTP_TIMEOUT } from '../timeouts.ts';

/** What consumers fetch themselves: `POST /v1/subscriptions/{id}/messages/{action}`. */
export function pullStep(scope: Construct, props: MeshProps): HouseFunction {
  const { names, needs } = props;
  return houseFunction(scope, 'pull', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      LEDGER_TABLE: names.ledger,
      REGISTRY_TABLE: names.registry,
      DELIVERIES_TABLE: names.deliveries,
      SEALING_KEY_PARAMETER: names.sealingKey,
      PUBLIC_URL: props.publicUrl,
    },
    failureMeans: 'consumers cannot fetch messages; these stay leased or queued and come back.',
    grants: [
      needs.readLedger,
      needs.readRegistry,
      needs.listRegistry,
      needs.readDeliveries,
      needs.writeDeliveries,
      needs.servePullQueues,
      needs.readSealingKey,
      needs.makeSealingKey,
    ],
    memoryMb: 512,
    timeout: HTTP_TIMEOUT,
  });
}
