import fc from 'fast-check';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { isAttributeText } from '../../events/text.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(isAttributeText);

/** Any JSON value that can be told again unchanged. */
export const json = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'grapheme' })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** Any valid event with JSON data, or none; extensions are texts, as in binary mode. */
export const cloudEvent: fc.Arbitrary<CloudEvent> = fc
  .record(
    {
      specversion: fc.constant('1.0' as const),
      id: text,
      source: fc.constantFrom(
        '//la-rochelle/atmo',
        '/a/b?c=d#e',
        'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
        '1-555-123-4567',
      ),
      type: text,
      subject: text,
      time: fc.constantFrom('2018-04-05T17:31:00Z', '2024-02-29T23:59:59.123+05:45'),
      dataschema: fc.constant('https://example.com/schema'),
      datacontenttype: fc.constantFrom('application/json', 'application/geo+json; charset=utf-8'),
      data: json,
    },
    { requiredKeys: ['specversion', 'id', 'source', 'type'] },
  )
  .chain((core) =>
    fc
      .dictionary(fc.stringMatching(/^x[a-z0-9]{1,10}$/), text, { maxKeys: 3 })
      // Its members are those of the record and extensions.
      .map((extensions) => ({ ...core, ...extensions }) as CloudEvent),
  );
