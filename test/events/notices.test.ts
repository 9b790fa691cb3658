import { expect, it } from 'vitest';
import { readCloudEvent } from '../../events/envelope.ts';
import { NOTICES, noticeOf, noticeToEvent } from '../../events/notices.ts';

it.each(Object.values(NOTICES).map((notice) => [notice.type, notice] as const))(
  '%s ends in its version and has a title in both languages',
  (type, notice) => {
    expect(type).toMatch(new RegExp(`^maille\\.[a-z]+(?:\\.[a-z-]+)?\\.v${notice.version}$`));
    expect(notice.title.fr).not.toBe('');
    expect(notice.title.en).not.toBe('');
  },
);

it('states each type once', () => {
  const types = Object.values(NOTICES).map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
});

it('makes a CloudEvent of a notice', () => {
  const data = { subscription: 'sub_01J00000000000000000000000', message: 'Hello' };
  const made = noticeOf('test', { subject: data.subscription, time: new Date(0), data });
  expect(NOTICES.test.data.parse(made.data)).toEqual(data);
  const event = noticeToEvent({ ...made, id: 'ntc_01J00000000000000000000000' }, 'la-rochelle');
  expect(event).toMatchObject({
    type: 'maille.test.v1',
    source: '//la-rochelle',
    time: '1970-01-01T00:00:00.000Z',
    data,
  });
  expect(readCloudEvent(event)).toEqual({ event });
});
