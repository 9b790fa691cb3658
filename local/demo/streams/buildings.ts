import { rseeEvents } from '../feeds/rsee.ts';
import type { MeshClient } from '../mesh-client.ts';
import { PARTICIPANTS, sourceOf } from '../participants.ts';
import { publishBinary } from '../publishing.ts';
import type { View } from '../view.ts';
import { dataFile, resultOf, type Stream, tellPublished } from './stream.ts';

/** The studies, and again each minute as a nightly export would: then they are duplicates, which nobody gets twice. */
export async function buildingStream(provider: MeshClient, view: View): Promise<Stream> {
  const { id: who } = PARTICIPANTS.bouygues;
  const source = sourceOf(who, 'rsee');
  const events = [
    ...rseeEvents(source, 'residence-les-tilleuls', await dataFile('rsee-2-batiments-conforme.xml')),
    ...rseeEvents(source, 'ecole-du-port', await dataFile('rsee-1-batiment-non-conforme.xml')),
  ];
  return {
    who,
    everyMs: 60_000,
    async step() {
      for (const event of events) {
        const result = await resultOf(publishBinary(provider, event));
        tellPublished(view, { who, how: 'HTTPS, binary' }, event, result);
      }
    },
  };
}
