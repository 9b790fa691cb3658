import { parse } from 'csv-parse/sync';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { lambert93ToWgs84 } from './lambert93.ts';

/** The CloudEvents type of one reading, after the smart data model. */
export const CAR_PARK_TYPE = 'org.smartdatamodels.OffStreetParking.v1';

/** One car park of the register. */
export interface CarPark {
  name: string;
  /** WGS84, longitude first. */
  position: [number, number];
}

/** One row of the availability history, in the file's words. */
export interface CarParkRow {
  dp_id: string;
  dp_parc_id: string;
  dp_libelle: string;
  /** Local time of La Rochelle, without a zone. */
  dp_date: string;
  dp_nb_places: string;
  dp_place_disponible: string;
}

/** The register's car parks by their number. */
export function readRegister(csv: string): Map<string, CarPark> {
  const rows = parse(csv, { columns: true, skip_empty_lines: true }) as Record<string, string>[];
  return new Map(
    rows.map((row) => [
      row['parking_id'] ?? '',
      {
        name: row['parking_nom'] ?? '',
        position: lambert93ToWgs84(Number(row['parking_x']), Number(row['parking_y'])),
      },
    ]),
  );
}

/** The history's rows in the file's order: out of time order, repeats included. */
export function readCarParks(csv: string): CarParkRow[] {
  return parse(csv, { columns: true, skip_empty_lines: true }) as CarParkRow[];
}

/**
 * The event of one row. Its id names the reading (car park and second), not the row, so that a reading told again
 * has the id that it had. Throws a `RangeError` for a car park that the register lacks.
 */
export function carParkEvent(source: string, register: Map<string, CarPark>, row: CarParkRow): CloudEvent {
  const park = register.get(row.dp_parc_id);
  if (!park) throw new RangeError(`car park ${row.dp_parc_id} (${row.dp_libelle}) is not in the register`);
  const time = parisToUtc(row.dp_date);
  return {
    specversion: '1.0',
    id: `parking-${row.dp_parc_id}-${time.replaceAll(/[-:]/g, '')}`,
    source,
    type: CAR_PARK_TYPE,
    subject: `parking-${row.dp_parc_id}`,
    time,
    datacontenttype: 'application/json',
    data: {
      id: `urn:ngsi-ld:OffStreetParking:la-rochelle-${row.dp_parc_id}`,
      type: 'OffStreetParking',
      name: park.name,
      location: { type: 'Point', coordinates: park.position },
      totalSpotNumber: Number(row.dp_nb_places),
      availableSpotNumber: Number(row.dp_place_disponible),
      observationDateTime: time,
    },
  };
}

const parisOffset = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Paris', timeZoneName: 'longOffset' });

/** `2017-01-05 06:18:54` on the clocks of La Rochelle as an RFC 3339 instant in UTC. */
export function parisToUtc(local: string): string {
  const written = local.replace(' ', 'T');
  const name = parisOffset
    .formatToParts(new Date(`${written}Z`))
    .find(({ type }) => type === 'timeZoneName')?.value;
  const offset = name?.replace('GMT', '') || '+00:00';
  return new Date(`${written}${offset}`).toISOString().replace('.000Z', 'Z');
}
