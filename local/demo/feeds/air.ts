import { parse } from 'csv-parse/sync';
import type { CloudEvent } from '../../../events/cloudevent.ts';

/** The CloudEvents type of one reading, after the smart data model. */
export const AIR_TYPE = 'org.smartdatamodels.IndoorEnvironmentObserved.v1';

/** One minute of the recorded room, as the file has it. */
export interface AirReading {
  temperature: number;
  /** Per cent. */
  humidity: number;
  /** Lux. */
  light: number;
  /** Ppm. */
  co2: number;
  occupied: boolean;
}

/** A classroom that replays the recorded room from a row of its own. */
export interface Classroom {
  id: string;
  name: string;
  startRow: number;
}

/** The Saint-Christophe school's rooms: two in use, of which one needs airing, and one at night. */
export const CLASSROOMS: readonly Classroom[] = [
  { id: 'ce1', name: 'CE1', startRow: 0 },
  { id: 'ce2', name: 'CE2', startRow: 1441 },
  { id: 'cm1', name: 'CM1', startRow: 640 },
];

const COLUMNS = [
  'row',
  'date',
  'temperature',
  'humidity',
  'light',
  'co2',
  'humidityRatio',
  'occupancy',
] as const;

/** The file's rows in order; its heading has one column less than they have, so columns are named here. */
export function readAir(csv: string): AirReading[] {
  const rows = parse(csv, { columns: [...COLUMNS], from_line: 2, skip_empty_lines: true }) as Record<
    (typeof COLUMNS)[number],
    string
  >[];
  return rows.map((row) => ({
    temperature: Number(row.temperature),
    humidity: Number(row.humidity),
    light: Number(row.light),
    co2: Number(row.co2),
    occupied: row.occupancy === '1',
  }));
}

/** The event of one classroom's reading, observed at `at`: the figures are the file's, the time is the caller's. */
export function airEvent(source: string, room: Classroom, reading: AirReading, at: Date): CloudEvent {
  const dateObserved = at.toISOString();
  return {
    specversion: '1.0',
    id: `${room.id}-${dateObserved.replaceAll(/[-:]/g, '')}`,
    source,
    type: AIR_TYPE,
    subject: `ecole-saint-christophe/${room.id}`,
    time: dateObserved,
    datacontenttype: 'application/json',
    data: {
      id: `urn:ngsi-ld:IndoorEnvironmentObserved:ecole-saint-christophe-${room.id}`,
      type: 'IndoorEnvironmentObserved',
      dateObserved,
      refPointOfInterest: 'urn:ngsi-ld:PointOfInterest:ecole-saint-christophe',
      refDevice: `urn:ngsi-ld:Device:ecole-saint-christophe-${room.id}-1`,
      address: {
        addressCountry: 'FR',
        postalCode: '17220',
        addressLocality: 'Saint-Christophe',
        room: room.name,
      },
      location: { type: 'Point', coordinates: [-0.947407, 46.145507] },
      co2: reading.co2,
      temperature: reading.temperature,
      relativeHumidity: hundredth(reading.humidity),
      illuminance: reading.light,
      occupied: reading.occupied,
    },
  };
}

// Shifting the decimal point keeps the file's digits, where a division would round them.
const hundredth = (percent: number): number => Number(`${percent}e-2`);
