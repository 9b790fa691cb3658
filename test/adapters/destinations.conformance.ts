import { describe, expect, it } from 'vitest';
import type { Handover, HandOver, Parcel } from '../../domain/ports.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { given } from '../given.ts';

/** A destination under test, and what it has got. */
export interface DestinationUnderTest {
  handOver: HandOver;
  destination: Handover['destination'];
  /** One that is not there. */
  missing: Handover['destination'];
  /** The events that arrived since they were last taken, each with the id of its delivery. */
  arrived: (count: number) => Promise<{ delivery: string; event: CloudEvent }[]>;
}

/** What one kind does otherwise, with its reason. */
export interface Deviations {
  /** Why nothing is accepted by a receipt. */
  answersByStatus?: string;
  /** Why what arrives does not name its delivery within the event. */
  namesDeliveryOutside?: string;
  /** Why what is not there is not noticed. */
  acceptsForNobody?: string;
}

let counter = 0;
/** A parcel of an event of its own. */
export const parcelOf = (more: Partial<CloudEvent> = {}): Parcel => {
  const at = String((counter += 1)).padStart(16, '0');
  return {
    delivery: `dlv_01KDVDG400${at}`,
    event: given.event({ dataset: 'school-air', sequence: `01KDVDG400${at}`, ...more }),
  };
};

const SIGNING = { secrets: [`whsec_${Buffer.alloc(32, 7).toString('base64')}`] };

/** What every destination does, in memory and on AWS. */
export function destinationConformance(
  name: string,
  make: () => Promise<DestinationUnderTest>,
  deviations: Deviations = {},
): void {
  const handed = async (under: DestinationUnderTest, parcels: Parcel[]) =>
    under.handOver({ destination: under.destination, parcels, signing: SIGNING, at: new Date() });

  describe(`destinations: ${name}`, () => {
    it('gets an event whole, with the id of its delivery, and says so', async () => {
      const under = await make();
      const parcel = parcelOf({
        data: { co2: 412.5, room: 'Salle é\u{1f600}\uffff "4"' },
        subject: 'room-4',
      });
      const [answer] = await handed(under, [parcel]);
      if (deviations.answersByStatus) expect(answer?.answer).toMatchObject({ kind: 'answer', status: 204 });
      else expect(answer?.answer).toMatchObject({ kind: 'accepted', receipt: expect.stringMatching(/./) });
      const [got] = await under.arrived(1);
      const named = deviations.namesDeliveryOutside ? {} : { mailledelivery: parcel.delivery };
      expect(got).toEqual({ delivery: parcel.delivery, event: { ...parcel.event, ...named } });
      const length = Buffer.byteLength(JSON.stringify(parcel.event));
      expect(answer?.bytes).toBeGreaterThanOrEqual(length);
      expect(answer?.bytes).toBeLessThan(length + 100);
    });

    it('gets more than one request holds, each once, and answers for each', async () => {
      const under = await make();
      const parcels = Array.from({ length: 23 }, (_, co2) => parcelOf({ data: { co2 } }));
      const answers = await handed(under, parcels);
      expect(answers).toHaveLength(23);
      expect(answers.filter(({ answer }) => !['accepted', 'answer'].includes(answer.kind))).toEqual([]);
      const got = await under.arrived(23);
      expect(got.map(({ delivery }) => delivery).sort()).toEqual(parcels.map(({ delivery }) => delivery));
    });

    it('gets more bytes than one request holds', async () => {
      const under = await make();
      const parcels = Array.from({ length: 6 }, () => parcelOf({ data: { text: 'é'.repeat(150_000) } }));
      const answers = await handed(under, parcels);
      expect(answers.filter(({ answer }) => !['accepted', 'answer'].includes(answer.kind))).toEqual([]);
      expect(await under.arrived(6)).toHaveLength(6);
    });

    it('that is not there is an answer, and never an error', async () => {
      const under = await make();
      const { missing: destination, handOver } = under;
      const answers = await handOver({
        destination,
        parcels: [parcelOf(), parcelOf()],
        signing: SIGNING,
        at: new Date(),
      });
      if (deviations.acceptsForNobody) return expect(answers).toHaveLength(2);
      expect(answers.map(({ answer }) => answer.kind)).toEqual(['no-answer', 'no-answer']);
      expect(answers[0]?.answer).toMatchObject({ error: expect.stringMatching(/./) });
    });
  });
}
