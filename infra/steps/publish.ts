import type { Construct } from 'constructs';
import { environment } from '../../functions/publish/environment.ts';
import { type HouseFunction, houseFunction } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';
import { HTTP_TIMEOUT } from '../timeouts.ts';

/** The HTTPS door: `POST /v1/events`. */
export const publishStep = (scope: Construct, props: MeshProps): HouseFunction =>
  houseFunction(scope, 'publish', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      LEDGER_TABLE: props.names.ledger,
      REGISTRY_TABLE: props.names.registry,
      PAYLOADS_URL: props.payloadsUrl,
    },
    failureMeans: 'providers cannot publish by HTTPS; nothing is accepted, so nothing is lost.',
    grants: [
      props.needs.appendToLedger,
      props.needs.keepPayloads,
      props.needs.removePayloads,
      props.needs.readLedger,
      props.needs.readRegistry,
      props.needs.listRegistry,
      props.needs.writeRegistry,
    ],
    memoryMb: 1024,
    timeout: HTTP_TIMEOUT,
  });
