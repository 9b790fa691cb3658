import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { HandedParcel, Handover } from '../../domain/ports.ts';
import { type AskedHandover, handedOver } from '../../schemas/handover.ts';
import { invokeForAnswer } from './invoke.ts';

type AwsHandover = Omit<Handover, 'destination'> & { destination: AskedHandover['handOver']['destination'] };

/**
 * Has a function hand over, by whose role all events go there later: what a destination's policy says of any other role
 * would prove nothing. What goes wrong on the way is an answer too.
 */
export const handOverBy =
  (client: LambdaClient, name: string) =>
  async ({ destination, parcels, at }: AwsHandover): Promise<HandedParcel[]> => {
    const asked: AskedHandover = { handOver: { destination, parcels, at: at.toISOString() } };
    try {
      return await invokeForAnswer(client, name, asked, handedOver);
    } catch {
      const error = 'Unavailable: the mesh itself could not send; try again';
      return parcels.map(() => ({ answer: { kind: 'no-answer', error }, bytes: 0 }));
    }
  };
