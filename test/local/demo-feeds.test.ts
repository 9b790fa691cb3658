import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { airEvent, CLASSROOMS, readAir } from '../../local/demo/feeds/air.ts';
import { carParkEvent, parisToUtc, readCarParks, readRegister } from '../../local/demo/feeds/car-parks.ts';
import { lambert93ToWgs84 } from '../../local/demo/feeds/lambert93.ts';
import { rseeEvents } from '../../local/demo/feeds/rsee.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../../local/demo/data/${name}`, import.meta.url), 'utf8');
const SOURCE = '//la-rochelle/someone';

describe('air', () => {
  const readings = readAir(file('indoor-co2-occupancy-test.csv'));

  test('every row is read, under the column that it belongs to', () => {
    expect(readings).toHaveLength(2665);
    expect(readings[0]).toEqual({
      temperature: 23.7,
      humidity: 26.272,
      light: 585.2,
      co2: 749.2,
      occupied: true,
    });
    expect(readings.at(-1)).toMatchObject({ co2: 1124, light: 798 });
    expect(Math.max(...readings.map(({ co2 }) => co2))).toBe(1402.25);
  });

  test('an event has the figures of the file and the time of the caller', () => {
    const [room] = CLASSROOMS;
    const [reading] = readings;
    if (!room || !reading) throw new Error('no room or no reading');
    const event = airEvent(SOURCE, room, reading, new Date('2026-11-23T08:15:00.250Z'));
    expect(event).toMatchObject({
      id: 'ce1-20261123T081500.250Z',
      time: '2026-11-23T08:15:00.250Z',
      source: SOURCE,
    });
    expect(event.data).toMatchObject({
      dateObserved: '2026-11-23T08:15:00.250Z',
      co2: 749.2,
      temperature: 23.7,
      relativeHumidity: 0.26272,
      illuminance: 585.2,
      occupied: true,
    });
  });

  test('within its first minute one classroom passes 1000 ppm and another stays below', () => {
    const firstMinute = ({ startRow }: { startRow: number }) => readings.slice(startRow, startRow + 20);
    const highest = CLASSROOMS.map((room) => Math.max(...firstMinute(room).map(({ co2 }) => co2)));
    expect(highest.filter((co2) => co2 > 1000)).toHaveLength(1);
  });
});

describe('car parks', () => {
  const register = readRegister(file('stationnement-sta_parking.csv'));
  const rows = readCarParks(file('parking-availability-history-1.csv'));
  const events = rows.map((row) => carParkEvent(SOURCE, register, row));

  test('a row becomes a reading with the place of its car park and the instant in UTC', () => {
    expect(events[0]).toMatchObject({
      id: 'parking-4-20170105T051854Z',
      time: '2017-01-05T05:18:54Z',
      data: {
        name: 'Encan',
        totalSpotNumber: 430,
        availableSpotNumber: 410,
        location: { type: 'Point', coordinates: [-1.149809, 46.151236] },
      },
    });
  });

  test('rows keep their order, which is not that of time', () => {
    expect(events).toHaveLength(5000);
    const backwards = events.filter((event, index) => (event.time ?? '') < (events[index - 1]?.time ?? ''));
    expect(backwards.length).toBeGreaterThan(1000);
  });

  test('repeats have the id and the content that they had; one reading contradicts another', () => {
    const contents = Map.groupBy(events, ({ id }) => id);
    expect(contents.size).toBe(1502);
    const contradicted = [...contents.values()].filter(
      (same) => new Set(same.map((one) => JSON.stringify(one))).size > 1,
    );
    expect(contradicted.map(([first]) => first?.id)).toEqual(['parking-4-20170105T190832Z']);
  });

  test('a car park that the register lacks is told, not passed on', () => {
    const [row] = rows;
    if (!row) throw new Error('no row');
    expect(() => carParkEvent(SOURCE, register, { ...row, dp_parc_id: '99' })).toThrow('car park 99 (ENCAN)');
  });

  test('local time of La Rochelle, in winter and in summer', () => {
    expect(parisToUtc('2017-01-05 06:18:54')).toBe('2017-01-05T05:18:54Z');
    expect(parisToUtc('2017-07-05 06:18:54')).toBe('2017-07-05T04:18:54Z');
  });

  test('Lambert-93 is exact at its origin and agrees with a point published in both systems', () => {
    expect(lambert93ToWgs84(700_000, 6_600_000)).toEqual([3, 46.5]);
    const [longitude, latitude] = lambert93ToWgs84(379670.377120847, 6570946.77561493);
    // The middle of the Verdun car park in the city's own WGS84 geometry.
    expect(longitude).toBeCloseTo(-1.1532, 3);
    expect(latitude).toBeCloseTo(46.1626, 3);
  });
});

describe('RSEE', () => {
  test('one event per building, with exact indicators, maxima, units and compliance', () => {
    const events = rseeEvents(SOURCE, 'ecole-du-port', file('rsee-1-batiment-non-conforme.xml'));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ id: 'ecole-du-port-1', time: '2026-03-02T00:00:00Z' });
    expect(events[0]?.data).toEqual({
      rseeVersion: '2024.E1.0.0',
      phase: 6,
      operation: {
        name: 'École du Port (fictif)',
        permit: 'PC 000 000 26 X0000',
        address: '1 rue des Essais',
        postcode: '17000',
        city: 'La Rochelle',
        climateZone: 'H2b',
      },
      building: { index: 1, name: 'École', floorArea: { value: 1146.25, unit: 'm²' } },
      indicators: {
        bbio: { value: 52.7, max: 70, unit: 'points', compliant: true },
        cep: { value: 55.4, max: 85, unit: 'kWhep/(m²·an)', compliant: true },
        cepNr: { value: 45.5, max: 70, unit: 'kWhep/(m²·an)', compliant: true },
        dh: { value: 726.6, max: 1250, unit: '°C·h', compliant: true },
        icConstruction: { value: 602.426, max: 531, unit: 'kg CO2 eq/m²', compliant: false },
        icEnergie: { value: 260.527, max: 50, unit: 'kg CO2 eq/m²', compliant: false },
        stockC: { value: 8.117, unit: 'kg C/m²' },
        udd: { value: 0.6, unit: '1' },
      },
      carbonCompliant: false,
    });
  });

  test('each building has its own figures, matched by its index across the two halves of the file', () => {
    const events = rseeEvents(SOURCE, 'tilleuls', file('rsee-2-batiments-conforme.xml'));
    expect(events.map(({ id }) => id)).toEqual(['tilleuls-1', 'tilleuls-2']);
    expect(events[1]?.data).toMatchObject({
      building: { index: 2, name: 'Bâtiment B', floorArea: { value: 3835.72 } },
      indicators: {
        bbio: { value: 64 },
        cep: { value: 46.4 },
        cepNr: { value: 57.6 },
        dh: { value: 843.6 },
        icConstruction: { value: 638.06, max: 688, compliant: true },
        icEnergie: { value: 173.212, max: 560, compliant: true },
        stockC: { value: 19.677 },
      },
      carbonCompliant: true,
    });
  });

  test('a study without a figure is refused by the name of what is missing', () => {
    const xml = file('rsee-1-batiment-non-conforme.xml').replace(/<ic_energie_max>.*?<\/ic_energie_max>/, '');
    expect(() => rseeEvents(SOURCE, 'x', xml)).toThrow('the RSEE has no ic_energie_max');
  });
});
