import { describe, expect, it } from 'vitest';
import { readDetail } from '../../events/detail.ts';
import { readCloudEvent } from '../../events/envelope.ts';

const entry = {
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': 'air.co2.v1',
  time: '2026-11-23T08:00:00Z',
};

describe('an entry on an ingress bus', () => {
  it.each([[{ co2: 1043 }], [null], ['text'], [[1]]])(
    'with bare data %j takes its id, type and time from EventBridge',
    (detail) => {
      const read = readDetail({ ...entry, detail });
      const event = { specversion: '1.0', id: entry.id, type: 'air.co2.v1', time: entry.time, data: detail };
      expect(read).toEqual({ candidate: event });
      expect(readCloudEvent('candidate' in read ? read.candidate : 0)).toEqual({
        event: { ...event, source: '' },
      });
    },
  );
  it('with a CloudEvent is that event, its type by default the DetailType', () => {
    const detail = { specversion: '1.0', id: '1', data: 5 };
    expect(readDetail({ ...entry, detail })).toEqual({ candidate: { ...detail, type: 'air.co2.v1' } });
    expect(readDetail({ ...entry, detail: { ...detail, type: null } })).toEqual({
      candidate: { ...detail, type: 'air.co2.v1' },
    });
    expect(readDetail({ ...entry, detail: { ...detail, type: 'air.co2.v1' } })).toEqual({
      candidate: { ...detail, type: 'air.co2.v1' },
    });
  });
  it('with a CloudEvent of another type is refused', () => {
    const detail = { specversion: '1.0', id: '1', type: 'other' };
    expect(readDetail({ ...entry, detail })).toEqual({
      faults: [{ path: '/type', message: 'must be the DetailType, air.co2.v1' }],
    });
  });
});
