/** The JSON Schema of a GeoJSON Point: longitude, then latitude, in WGS84 degrees. */
export const point = {
  type: 'object',
  properties: {
    type: { const: 'Point' },
    coordinates: {
      type: 'array',
      prefixItems: [
        { type: 'number', minimum: -180, maximum: 180, description: 'Longitude.' },
        { type: 'number', minimum: -90, maximum: 90, description: 'Latitude.' },
      ],
      items: false,
      minItems: 2,
    },
  },
  required: ['type', 'coordinates'],
  additionalProperties: false,
};
