/** Metres of one degree of latitude, on the sphere that web maps use (WGS 84's equatorial radius). */
const METRES_PER_DEGREE = 111_319.49;

/**
 * A value made coarser: a number to a multiple of `to`, numbers in an array one by one; a GeoJSON position
 * (RFC 7946 section 3.1.1: longitude, latitude, altitude) to a grid of `to` metres, in whatever geometry it stands.
 * Undefined for what cannot be made coarser, such as a text.
 */
export function roundValue(value: unknown, to: number, geographic: boolean): unknown {
  if (typeof value === 'number') return toMultiple(value, to);
  if (value === null) return null;
  if (Array.isArray(value)) {
    if (geographic && isPosition(value)) return toGrid(value, to);
    const rounded = value.map((element) => roundValue(element, to, geographic));
    return rounded.includes(undefined) ? undefined : rounded;
  }
  return typeof value === 'object' ? roundGeometry(value, to) : undefined;
}

/** Only what GeoJSON defines is kept of a geometry: any other member might tell the place again, `bbox` does. */
function roundGeometry(value: object, to: number): unknown {
  if (!('type' in value) || typeof value.type !== 'string' || !('coordinates' in value)) return undefined;
  const coordinates = roundValue(value.coordinates, to, true);
  return coordinates === undefined ? undefined : { type: value.type, coordinates };
}

function isPosition(value: unknown[]): value is number[] {
  return (value.length === 2 || value.length === 3) && value.every((part) => typeof part === 'number');
}

/** Longitudes are spaced by the rounded latitude, so that all points of one cell give the same answer. */
function toGrid([longitude = 0, latitude = 0, altitude]: number[], metres: number): number[] {
  const step = metres / METRES_PER_DEGREE;
  const row = Math.min(90, Math.max(-90, Math.round(latitude / step) * step));
  const width = Math.min(360, step / Math.max(Math.cos((row * Math.PI) / 180), 1e-9));
  const position = [Math.round(longitude / width) * width, row].map(toCentimetre);
  return altitude === undefined ? position : [...position, toMultiple(altitude, metres)];
}

/** Degrees with seven decimals: a centimetre at the equator. */
const toCentimetre = (degrees: number): number => Math.round(degrees * 1e7) / 1e7 + 0;

/**
 * The nearest multiple, without the digits that binary fractions add: a division of whole numbers gives the double that
 * is nearest to the decimal, and costs a fraction of writing and reading its digits. Zero never has a sign.
 */
function toMultiple(value: number, step: number): number {
  const count = Math.round(value / step);
  const parts = 1 / step;
  if (Number.isInteger(parts) && Math.abs(count) < EXACT) return count / parts + 0;
  if (Number.isInteger(step) && Math.abs(count * step) < EXACT) return count * step + 0;
  return Number((count * step).toPrecision(DIGITS));
}

/** As many digits as a multiple has, and the least number that has more. */
const DIGITS = 12;
const EXACT = 10 ** DIGITS;
