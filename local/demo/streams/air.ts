import { airEvent, CLASSROOMS, readAir } from '../feeds/air.ts';
import type { MeshClient } from '../mesh-client.ts';
import { PARTICIPANTS, sourceOf } from '../participants.ts';
import { publishStructured } from '../publishing.ts';
import type { View } from '../view.ts';
import { dataFile, resultOf, type Stream, tellPublished } from './stream.ts';

/** One classroom's reading at a time, in turn; each time round, a minute of the recorded room has passed. */
export async function airStream(provider: MeshClient, view: View, now: () => Date): Promise<Stream> {
  const { id: who } = PARTICIPANTS.atmo;
  const readings = readAir(await dataFile('indoor-co2-occupancy-test.csv'));
  let count = 0;
  return {
    who,
    everyMs: 1500,
    async step() {
      const room = CLASSROOMS[count % CLASSROOMS.length];
      const minute = Math.floor(count / CLASSROOMS.length);
      const reading = readings[((room?.startRow ?? 0) + minute) % readings.length];
      count += 1;
      if (!room || !reading) throw new Error('the recorded room has no rows');
      const event = airEvent(sourceOf(who), room, reading, now());
      const result = await resultOf(publishStructured(provider, event));
      tellPublished(view, { who, how: 'HTTPS, structured' }, event, result);
    },
  };
}
