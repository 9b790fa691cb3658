/**
 * RGF93 / Lambert-93 (EPSG:2154) metres to WGS84 `[longitude, latitude]` degrees, by the inverse of the conic
 * conformal projection with two standard parallels (IGN, NTG_71) on the GRS80 ellipsoid.
 */
export function lambert93ToWgs84(x: number, y: number): [number, number] {
  const rho = Math.hypot(x - FALSE_EASTING, POLE_NORTHING - y);
  const gamma = Math.atan2(x - FALSE_EASTING, POLE_NORTHING - y);
  const isometric = -Math.log(rho / SCALE) / EXPONENT;
  return [degrees(CENTRAL_MERIDIAN + gamma / EXPONENT), degrees(latitudeOf(isometric))];
}

const EXPONENT = 0.725607765053267;
const SCALE = 11_754_255.426096;
const FALSE_EASTING = 700_000;
const POLE_NORTHING = 12_655_612.049876;
const ECCENTRICITY = 0.0818191910428158;
const CENTRAL_MERIDIAN = (3 * Math.PI) / 180;

function latitudeOf(isometric: number): number {
  let latitude = 0;
  for (let round = 0; round < 8; round++) {
    const sine = Math.tanh(isometric + ECCENTRICITY * Math.atanh(ECCENTRICITY * Math.sin(latitude)));
    latitude = Math.asin(sine);
  }
  return latitude;
}

const degrees = (radians: number): number => Number(((radians * 180) / Math.PI).toFixed(6));
