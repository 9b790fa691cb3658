import { AIR_TYPE } from './feeds/air.ts';
import { CAR_PARK_TYPE } from './feeds/car-parks.ts';
import { BUILDING_TYPE } from './feeds/rsee.ts';

const DATASETS: Record<string, string> = {
  [AIR_TYPE]: 'co2-ecoles',
  [CAR_PARK_TYPE]: 'parkings',
  [BUILDING_TYPE]: 're2020-batiments',
};

/** The demonstration's dataset that a type belongs to; undefined for others, such as the mesh's own notices. */
export const datasetOf = (type: string): string | undefined => DATASETS[type];

/** One event in a few words, as a person would say it; minimised data too. */
export function summaryOf(type: string, data: unknown): string {
  if (typeof data !== 'object' || data === null) return type;
  // What the three feeds publish, every field of which a contract may have dropped.
  const field = (path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>((here, name) => (here as Record<string, unknown> | undefined)?.[name], data);
  const figure = (path: string): string => String(field(path) ?? '?');
  switch (type) {
    case AIR_TYPE:
      return `${roomOf(figure('id'))}: ${Math.round(Number(field('co2')))} ppm CO2`;
    case CAR_PARK_TYPE:
      return `${figure('name')}: ${figure('availableSpotNumber')} of ${figure('totalSpotNumber')} free`;
    case BUILDING_TYPE:
      return `${figure('building.name')}: Ic ${figure('indicators.icConstruction.value')} of ${figure('indicators.icConstruction.max')}`;
    default:
      return type;
  }
}

/** The room of an entity's id, or the beginning of the pseudonym that stands for it. */
const roomOf = (id: string): string =>
  id.startsWith('urn:') ? (id.split('-').at(-1) ?? id).toUpperCase() : id.slice(0, 8);
